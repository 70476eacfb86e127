import { useState, type SubmitEvent, type ReactNode } from 'react';
import { useQuery } from 'urql';
import { Link, useLocation, useRoute } from 'wouter';
import { client } from '../api/client';
import { isStaff, leads } from '../api/roles';
import { session, type Session } from '../api/session';
import { AboutDocument, FindTicketDocument, SignOutDocument } from '../gql';
import { useLanguage } from '../i18n';
import { ToDo } from '../todo/ToDo';
import { LanguageChoice } from './LanguageChoice';

/** What stands around every page. */
export function Shell({ viewer, children }: { viewer: Session['viewer']; children: ReactNode }) {
  const [, t] = useLanguage();
  const [{ data }] = useQuery({ query: AboutDocument });
  const leave = async () => {
    // Signed out here, whatever the server can be told.
    await client.mutation(SignOutDocument, { input: {} }).toPromise();
    session.set(null);
  };
  const [inReports] = useRoute('/reports/*?');
  const [inPanorama] = useRoute('/panorama/*?');
  const [inKnowledge] = useRoute('/knowledge/*?');
  const active = (isActive: boolean) => (isActive ? 'active' : '');
  return (
    <>
      <a className="skip" href="#content">
        {t('app.skip')}
      </a>
      <header>
        <nav data-testid="main-nav">
          <Link href="/" className="home">
            <img src="/buoy.svg" alt="" width="26" height="26" /> {t('app.name')}
          </Link>
          <Link href="/" className={active}>
            {t('nav.board')}
          </Link>
          <Link href="/new" className={active}>
            {t('nav.new')}
          </Link>
          {isStaff(viewer) && (
            <Link href="/reports" className={active(inReports)}>
              {t('nav.reports')}
            </Link>
          )}
          {isStaff(viewer) && (
            <Link href="/knowledge" className={active(inKnowledge)} data-testid="nav-knowledge">
              {t('nav.knowledge')}
            </Link>
          )}
          {isStaff(viewer) && (
            <Link href="/panorama" className={active(inPanorama)} data-testid="nav-panorama">
              {t('nav.panorama')}
            </Link>
          )}
          {leads(viewer) && (
            <Link href="/settings" className={active}>
              {t('nav.settings')}
            </Link>
          )}
        </nav>
        <Find />
        <div className="who">
          <LanguageChoice />
          <Link href="/me" title={t('nav.me')} data-testid="nav-me">
            <span title={viewer.email ?? ''}>{viewer.name}</span>
          </Link>
          <button type="button" onClick={() => void leave()}>
            {t('nav.signOut')}
          </button>
        </div>
      </header>
      {data?.about.demo && <p className="banner">{t('app.demo')}</p>}
      <main id="content">{children}</main>
      {isStaff(viewer) && <ToDo viewer={viewer} />}
    </>
  );
}

/** Opens a ticket by its number or token. */
function Find() {
  const [, t] = useLanguage();
  const [, go] = useLocation();
  const [text, setText] = useState('');
  const [missed, setMissed] = useState(false);
  const find = async (event: SubmitEvent) => {
    event.preventDefault();
    const asked = text.trim().replace(/^#/, '');
    if (asked === '') return;
    const by = /^\d{1,9}$/.test(asked) ? { number: Number(asked) } : { token: asked };
    const { data } = await client.query(FindTicketDocument, by).toPromise();
    const number = data?.ticket?.number;
    setMissed(number === undefined);
    if (number !== undefined) {
      setText('');
      go(`/tickets/${number}`);
    }
  };
  return (
    <form className="find" role="search" onSubmit={(event) => void find(event)}>
      <input
        aria-label={t('nav.find')}
        placeholder={t('nav.find')}
        aria-invalid={missed}
        maxLength={40}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setMissed(false);
        }}
      />
      <button type="submit">{t('nav.find.go')}</button>
    </form>
  );
}
