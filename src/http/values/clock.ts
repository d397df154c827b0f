const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
const two = (value: number): string => String(value).padStart(2, '0');

/** `+0200`, with `separator` between hours and minutes. */
function zone(date: Date, separator: string): string {
  const minutes = -date.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}${separator}${two(size % 60)}`;
}

/** A way to write a time (ms) that has no parts of a second in it: the text of the last second is kept. */
function everySecond(write: (date: Date) => string): (now: number) => string {
  let second = Number.NaN;
  let text = '';
  return (now) => {
    const asked = Math.floor(now / 1000);
    if (asked !== second) {
      second = asked;
      text = write(new Date(now));
    }
    return text;
  };
}

/** `21/Nov/2026:10:25:00 +0000` */
export const localTime = everySecond((date) => {
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${two(date.getDate())}/${MONTHS[date.getMonth()]}/${date.getFullYear()}:${clock} ${zone(date, '')}`;
});

/** `2026-11-21T10:25:00+00:00` */
export const isoTime = everySecond((date) => {
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${clock}${zone(date, ':')}`;
});
