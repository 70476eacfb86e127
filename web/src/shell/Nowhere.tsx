import { Link } from 'wouter';
import { useLanguage } from '../i18n';

/** No such page, or not the reader's. */
export function Nowhere() {
  const [, t] = useLanguage();
  return (
    <div className="note">
      <p>{t('error.notFound')}</p>
      <Link href="/">{t('error.board')}</Link>
    </div>
  );
}
