import type { TimesFragment } from '../gql';
import { useLanguage } from '../i18n';
import { ofDay, weekday } from '../lib/clock';
import { coming, today } from './coming';

const DAY_MINUTES = 24 * 60;

/** When there is work: the week as bars, and the days of the next weeks that are not as their weekday says. */
export function Calendars({ calendars }: { calendars: readonly TimesFragment[] }) {
  const [, t] = useLanguage();
  return (
    <section>
      <h2>{t('rules.calendars')}</h2>
      <div className="cards">
        {calendars
          .filter(({ archived }) => !archived)
          .map((calendar) => (
            <article key={calendar.key} className="sheet-of" data-testid="calendar" data-key={calendar.key}>
              <p className="line">
                <strong>{calendar.name}</strong>
                <span className={calendar.openNow ? 'badge DELIVERED' : 'badge'}>{t(calendar.openNow ? 'calendar.open' : 'calendar.closed')}</span>
                <span className="quiet">{calendar.timeZone}</span>
              </p>
              <Week week={calendar.week} />
              <Exceptions calendar={calendar} />
            </article>
          ))}
      </div>
    </section>
  );
}

function Week({ week }: { week: TimesFragment['week'] }) {
  const [lang] = useLanguage();
  // A night that ends the next morning goes on at the left of the next day's bar.
  const pieces = week.flatMap(({ weekday: day, fromMinute, toMinute }) =>
    toMinute <= DAY_MINUTES ?
      [{ day, from: fromMinute, to: toMinute }]
    : [
        { day, from: fromMinute, to: DAY_MINUTES },
        { day: (day % 7) + 1, from: 0, to: toMinute - DAY_MINUTES },
      ],
  );
  return (
    <div className="week">
      {[1, 2, 3, 4, 5, 6, 7].map((day) => {
        const open = pieces.filter((piece) => piece.day === day);
        return (
          <div key={day} title={open.map(({ from, to }) => `${ofDay(from)}–${ofDay(to)}`).join(' · ')}>
            <span className="quiet">{weekday(day, lang)}</span>
            <span className="hours">
              {open.map(({ from, to }) => (
                <i key={from} style={{ left: `${(from / DAY_MINUTES) * 100}%`, width: `${((to - from) / DAY_MINUTES) * 100}%` }} />
              ))}
            </span>
          </div>
        );
      })}
    </div>
  );
}

function Exceptions({ calendar }: { calendar: TimesFragment }) {
  const [lang, t] = useLanguage();
  const days = coming(calendar.exceptions, today(calendar.timeZone));
  const day = (iso: string) =>
    new Intl.DateTimeFormat(lang, { month: 'short', day: 'numeric', weekday: 'short', timeZone: 'UTC' }).format(new Date(iso));
  if (days.length === 0) return <p className="quiet">{t('calendar.none')}</p>;
  return (
    <ul className="rows">
      {days.map(({ firstDay, lastDay, name, workedAs, ranges }) => (
        <li key={`${firstDay} ${name}`} className="line">
          <span>{firstDay === lastDay ? day(firstDay) : `${day(firstDay)} – ${day(lastDay)}`}</span>
          <strong>{name}</strong>
          <span className={workedAs === null && ranges.length === 0 ? 'badge HIGH' : 'badge DELIVERED'}>
            {workedAs !== null ? t('calendar.worked', { day: weekday(workedAs, lang) })
            : ranges.length === 0 ? t('calendar.closed')
            : ranges.map(({ fromMinute, toMinute }) => `${ofDay(fromMinute)}–${ofDay(toMinute)}`).join(' · ')}
          </span>
        </li>
      ))}
    </ul>
  );
}
