import type { CalendarFragment } from '../gql';
import { useLanguage } from '../i18n';
import { formatMinuteOfDay, weekdayName } from '../lib/time';
import { upcomingExceptions, today } from './upcomingExceptions';

const DAY_MINUTES = 24 * 60;

/** Working hours: the week as bars, and the upcoming exceptions. */
export function Calendars({ calendars }: { calendars: readonly CalendarFragment[] }) {
  const [, t] = useLanguage();
  return (
    <section>
      <h2>{t('settings.calendars')}</h2>
      <div className="cards">
        {calendars
          .filter(({ archived }) => !archived)
          .map((calendar) => (
            <article key={calendar.key} className="tile" data-testid="calendar" data-key={calendar.key}>
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

function Week({ week }: { week: CalendarFragment['week'] }) {
  const [lang] = useLanguage();
  // A shift that ends the next morning continues on the next day's bar.
  const intervals = week.flatMap(({ weekday: day, fromMinute, toMinute }) =>
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
        const openIntervals = intervals.filter((interval) => interval.day === day);
        return (
          <div key={day} title={openIntervals.map(({ from, to }) => `${formatMinuteOfDay(from)}–${formatMinuteOfDay(to)}`).join(' · ')}>
            <span className="quiet">{weekdayName(day, lang)}</span>
            <span className="hours">
              {openIntervals.map(({ from, to }) => (
                <i key={from} style={{ left: `${(from / DAY_MINUTES) * 100}%`, width: `${((to - from) / DAY_MINUTES) * 100}%` }} />
              ))}
            </span>
          </div>
        );
      })}
    </div>
  );
}

function Exceptions({ calendar }: { calendar: CalendarFragment }) {
  const [lang, t] = useLanguage();
  const days = upcomingExceptions(calendar.exceptions, today(calendar.timeZone));
  const formatDay = (iso: string) =>
    new Intl.DateTimeFormat(lang, { month: 'short', day: 'numeric', weekday: 'short', timeZone: 'UTC' }).format(new Date(iso));
  if (days.length === 0) return <p className="quiet">{t('calendar.none')}</p>;
  return (
    <ul className="rows">
      {days.map(({ firstDay, lastDay, name, workedAs, ranges }) => (
        <li key={`${firstDay} ${name}`} className="line">
          <span>{firstDay === lastDay ? formatDay(firstDay) : `${formatDay(firstDay)} – ${formatDay(lastDay)}`}</span>
          <strong>{name}</strong>
          <span className={workedAs === null && ranges.length === 0 ? 'badge HIGH' : 'badge DELIVERED'}>
            {workedAs !== null ? t('calendar.workedAs', { day: weekdayName(workedAs, lang) })
            : ranges.length === 0 ? t('calendar.closed')
            : ranges.map(({ fromMinute, toMinute }) => `${formatMinuteOfDay(fromMinute)}–${formatMinuteOfDay(toMinute)}`).join(' · ')}
          </span>
        </li>
      ))}
    </ul>
  );
}
