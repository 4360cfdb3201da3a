/**
 * Codes that printers and scanners show in place of words. A number means something only beside the maker's name, and makers say
 * little: these are hints, and never sure.
 *
 * Sources: the makers' user guides (Canon "List of error codes", Kyocera "Responding to send errors", Fuji Xerox "Fault codes",
 * Konica Minolta "Error codes of network functions", Sharp "Communication error codes").
 */
import type { Sign } from './sign.ts';

const CANON = ['canon', 'imagerunner', 'ir-adv', 'i-sensys'] as const;
const KYOCERA = ['kyocera', 'taskalfa', 'ecosys', 'utax', 'triumph-adler'] as const;
const XEROX = ['xerox', 'fuji', 'fujifilm', 'docucentre', 'apeosport', 'versalink', 'altalink'] as const;

/** Codes on the panels of devices. */
export const panelSigns: readonly Sign[] = [
  { code: 'M365_PASSWORD_WRONG', certainty: 0.6, rank: 'refusal', says: [/#?\b839\b/], beside: CANON },
  { code: 'SMTP_TLS_VERSION_UNSUPPORTED', certainty: 0.55, rank: 'refusal', says: [/#?\b841\b/], beside: CANON },
  { code: 'SMTP_UNREACHABLE', certainty: 0.5, rank: 'symptom', says: [/#?\b801\b/], beside: CANON },
  { code: 'SMTP_HOST_NOT_FOUND', certainty: 0.6, rank: 'refusal', says: [/#?\b802\b/], beside: CANON },
  { code: 'SMTP_HOST_NOT_FOUND', certainty: 0.55, rank: 'refusal', says: [/\b1101\b/], beside: KYOCERA },
  { code: 'M365_PASSWORD_WRONG', certainty: 0.55, rank: 'refusal', says: [/\b1102\b/], beside: KYOCERA },
  { code: 'SMTP_UNREACHABLE', certainty: 0.5, rank: 'refusal', says: [/\b(?:2101|2102|2103)\b/], beside: KYOCERA },
  { code: 'M365_SIGN_IN_REFUSED', certainty: 0.5, rank: 'refusal', says: [/\b3101\b/], beside: KYOCERA },
  { code: 'M365_AUTH_MECHANISM_UNSUPPORTED', certainty: 0.6, rank: 'refusal', says: [/\b3201\b/], beside: KYOCERA },
  { code: 'SMTP_HOST_NOT_FOUND', certainty: 0.6, rank: 'refusal', says: [/\b016-50[34]\b/], beside: XEROX },
  { code: 'M365_PASSWORD_WRONG', certainty: 0.55, rank: 'refusal', says: [/\b016-(?:506|507)\b/], beside: XEROX },
  { code: 'SMTP_UNREACHABLE', certainty: 0.6, rank: 'refusal', says: [/\b016-764\b/], beside: XEROX },
  { code: 'M365_MESSAGE_TOO_LARGE', certainty: 0.6, rank: 'refusal', says: [/\b016-766\b/], beside: XEROX },
  { code: 'M365_ADDRESS_INVALID', certainty: 0.55, rank: 'refusal', says: [/\b016-76[78]\b/], beside: XEROX },
  {
    code: 'M365_SIGN_IN_REFUSED',
    certainty: 0.5,
    rank: 'refusal',
    says: [
      'authentication with the destination has failed',
      'smtp authentication error',
      'smtp server authentication error',
      'authentication with the smtp server failed',
      'smtp login failed',
      'smtp login error',
      'e-mail authentication failed',
    ],
  },
];
