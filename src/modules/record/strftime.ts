const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

/** Conversions that stand for several others (ISO C 7.27.3.5, locale "C"). */
const COMPOUND: Readonly<Record<string, string>> = {
  c: '%a %b %e %H:%M:%S %Y',
  D: '%m/%d/%y',
  F: '%Y-%m-%d',
  r: '%I:%M:%S %p',
  R: '%H:%M',
  T: '%H:%M:%S',
  x: '%m/%d/%y',
  X: '%H:%M:%S',
};

/** A moment in local time as C's strftime writes it; conversions it does not have stay as they are. */
export function strftime(pattern: string, at: Date): string {
  return pattern.replace(/%[EO]?([A-Za-z%])/g, (whole, letter: string) => {
    const compound = COMPOUND[letter];
    return compound === undefined ? (simple(letter, at) ?? whole) : strftime(compound, at);
  });
}

function simple(letter: string, at: Date): string | undefined {
  const year = at.getFullYear();
  const hour = at.getHours();
  const day = at.getDay();
  const twelve = hour % 12 === 0 ? 12 : hour % 12;
  switch (letter) {
    case 'a':
      return DAYS[day]!.slice(0, 3);
    case 'A':
      return DAYS[day]!;
    case 'b':
    case 'h':
      return MONTHS[at.getMonth()]!.slice(0, 3);
    case 'B':
      return MONTHS[at.getMonth()]!;
    case 'C':
      return two(Math.trunc(year / 100));
    case 'd':
      return two(at.getDate());
    case 'e':
      return String(at.getDate()).padStart(2);
    case 'G':
      return String(isoWeek(at).year);
    case 'g':
      return two(isoWeek(at).year % 100);
    case 'H':
      return two(hour);
    case 'I':
      return two(twelve);
    case 'j':
      return String(dayOfYear(at) + 1).padStart(3, '0');
    case 'k':
      return String(hour).padStart(2);
    case 'l':
      return String(twelve).padStart(2);
    case 'm':
      return two(at.getMonth() + 1);
    case 'M':
      return two(at.getMinutes());
    case 'n':
      return '\n';
    case 'p':
      return hour < 12 ? 'AM' : 'PM';
    case 's':
      return String(Math.floor(at.getTime() / 1000));
    case 'S':
      return two(at.getSeconds());
    case 't':
      return '\t';
    case 'u':
      return String(day === 0 ? 7 : day);
    case 'U':
      return two(Math.floor((dayOfYear(at) + 7 - day) / 7));
    case 'V':
      return two(isoWeek(at).week);
    case 'w':
      return String(day);
    case 'W':
      return two(Math.floor((dayOfYear(at) + 7 - ((day + 6) % 7)) / 7));
    case 'y':
      return two(year % 100);
    case 'Y':
      return String(year);
    case 'z':
      return zone(-at.getTimezoneOffset());
    case 'Z':
      return zoneName(at);
    case '%':
      return '%';
    default:
      return undefined;
  }
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** From 0. Counted in calendar days, since days of summer time are not 24 hours long. */
function dayOfYear(at: Date): number {
  const year = at.getFullYear();
  return Math.round((Date.UTC(year, at.getMonth(), at.getDate()) - Date.UTC(year, 0, 1)) / 86_400_000);
}

/** The week of ISO 8601 belongs to the year of its Thursday. */
function isoWeek(at: Date): { readonly year: number; readonly week: number } {
  const thursday = new Date(at.getFullYear(), at.getMonth(), at.getDate() + 4 - (at.getDay() || 7));
  return { year: thursday.getFullYear(), week: Math.floor(dayOfYear(thursday) / 7) + 1 };
}

function zone(minutes: number): string {
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(Math.trunc(size / 60))}${two(size % 60)}`;
}

function zoneName(at: Date): string {
  const parts = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' }).formatToParts(at);
  return parts.find(({ type }) => type === 'timeZoneName')?.value ?? '';
}
