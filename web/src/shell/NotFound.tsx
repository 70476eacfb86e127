import { Link } from 'wouter';
import { useLanguage } from '../i18n';

/** The page does not exist, or the user has no access. */
export function NotFound() {
  const [, t] = useLanguage();
  return (
    <div className="note">
      <p>{t('error.notFound')}</p>
      <Link href="/">{t('error.board')}</Link>
    </div>
  );
}
