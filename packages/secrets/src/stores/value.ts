/** A secret that stands in the settings themselves. */
import { failure, success, type Result, type Secret } from '@postbearer/core';
import { secretFaults } from '../faults.ts';

/** The secret as it is, or `SECRET_EMPTY`. White space alone counts as nothing; around a secret it is part of it. */
export function checkValue(secret: Secret): Result<Secret> {
  if (secret.reveal().trim() === '') return failure(secretFaults.make('SECRET_EMPTY', { place: 'the settings' }));
  return success(secret);
}
