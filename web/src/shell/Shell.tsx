import { useState, type SubmitEvent, type ReactNode } from 'react';
import { useQuery } from 'urql';
import { Link, useLocation, useRoute } from 'wouter';
import { client } from '../api/client';
import { isStaff, isLead } from '../api/roles';
import { session, type Session } from '../api/session';
import { AboutDocument, FindTicketDocument, SignOutDocument } from '../gql';
import { useLanguage } from '../i18n';
import { TodoOverlay } from '../todo/TodoOverlay';
import { LanguageSelect } from './LanguageSelect';

/** The frame around every page: header, navigation and overlays. */
export function Shell({ viewer, children }: { viewer: Session['viewer']; children: ReactNode }) {
  const [, t] = useLanguage();
  const [{ data }] = useQuery({ query: AboutDocument });
  const signOut = async () => {
    // Signs out locally, even if the server cannot be reached.
    await client.mutation(SignOutDocument, { input: {} }).toPromise();
    session.set(null);
  };
  const [inReports] = useRoute('/reports/*?');
  const [inPanorama] = useRoute('/panorama/*?');
  const [inKnowledge] = useRoute('/knowledge/*?');
  const activeClass = (isActive: boolean) => (isActive ? 'active' : '');
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
          <Link href="/" className={activeClass}>
            {t('nav.board')}
          </Link>
          <Link href="/new" className={activeClass}>
            {t('nav.new')}
          </Link>
          {isStaff(viewer) && (
            <Link href="/reports" className={activeClass(inReports)}>
              {t('nav.reports')}
            </Link>
          )}
          {isStaff(viewer) && (
            <Link href="/knowledge" className={activeClass(inKnowledge)} data-testid="nav-knowledge">
              {t('nav.knowledge')}
            </Link>
          )}
          {isStaff(viewer) && (
            <Link href="/panorama" className={activeClass(inPanorama)} data-testid="nav-panorama">
              {t('nav.panorama')}
            </Link>
          )}
          {isLead(viewer) && (
            <Link href="/settings" className={activeClass}>
              {t('nav.settings')}
            </Link>
          )}
        </nav>
        <TicketFinder />
        <div className="account">
          <LanguageSelect />
          <Link href="/me" title={t('nav.profile')} data-testid="nav-me">
            <span title={viewer.email ?? ''}>{viewer.name}</span>
          </Link>
          <button type="button" onClick={() => void signOut()}>
            {t('nav.signOut')}
          </button>
        </div>
      </header>
      {data?.about.demo && <p className="banner">{t('app.demo')}</p>}
      <main id="content">{children}</main>
      {isStaff(viewer) && <TodoOverlay viewer={viewer} />}
    </>
  );
}

/** Opens a ticket by number or token. */
function TicketFinder() {
  const [, t] = useLanguage();
  const [, navigate] = useLocation();
  const [text, setText] = useState('');
  const [notFound, setNotFound] = useState(false);
  const find = async (event: SubmitEvent) => {
    event.preventDefault();
    const reference = text.trim().replace(/^#/, '');
    if (reference === '') return;
    const variables = /^\d{1,9}$/.test(reference) ? { number: Number(reference) } : { token: reference };
    const { data } = await client.query(FindTicketDocument, variables).toPromise();
    const number = data?.ticket?.number;
    setNotFound(number === undefined);
    if (number !== undefined) {
      setText('');
      navigate(`/tickets/${number}`);
    }
  };
  return (
    <form className="ticket-finder" role="search" onSubmit={(event) => void find(event)}>
      <input
        aria-label={t('nav.find')}
        placeholder={t('nav.find')}
        aria-invalid={notFound}
        maxLength={40}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setNotFound(false);
        }}
      />
      <button type="submit">{t('nav.find.go')}</button>
    </form>
  );
}
