import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WaitingLine } from './waiting-line.ts';

describe('a waiting line', () => {
  it('behaves as a plain array does, whatever is done to it', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('push') }),
      fc.record({ do: fc.constant('shift') }),
      fc.record({ do: fc.constant('unshift') }),
      fc.record({ do: fc.constant('remove'), at: fc.nat(50) }),
      fc.record({ do: fc.constant('drain') }, { noNullPrototype: true }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const line = new WaitingLine<{ id: number }>();
        let model: { id: number }[] = [];
        steps.forEach((wanted, id) => {
          const item = { id };
          switch (wanted.do) {
            case 'push':
              line.push(item);
              model.push(item);
              break;
            case 'unshift':
              line.unshift(item);
              model.unshift(item);
              break;
            case 'shift':
              expect(line.shift()).toBe(model.shift());
              break;
            case 'remove': {
              const target = model['at' in wanted ? wanted.at : 0] ?? item;
              expect(line.remove(target)).toBe(model.includes(target));
              model = model.filter((other) => other !== target);
              break;
            }
            case 'drain':
              if (id % 7 === 0) {
                expect(line.drain()).toEqual(model);
                model = [];
              }
          }
          expect(line.length).toBe(model.length);
        });
        expect(line.drain()).toEqual(model);
      }),
      { numRuns: 2000 },
    );
  });

  it('gives way in order, however long it is', () => {
    const line = new WaitingLine<{ id: number }>();
    let next = 0;
    for (let id = 0; id < 5000; id += 1) {
      line.push({ id });
      if (id % 3 === 0) expect(line.shift()?.id).toBe(next++);
    }
    while (line.length > 0) expect(line.shift()?.id).toBe(next++);
    expect(next).toBe(5000);
    expect(line.shift()).toBeUndefined();
  });
});
