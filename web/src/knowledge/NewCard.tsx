import { useState, type SubmitEvent } from 'react';
import { Link, useLocation } from 'wouter';
import { useAction } from '../api/action';
import { useCatalogue } from '../api/catalogue';
import { CreateCardDocument, type FaultType, type RootCauseLevel } from '../gql';
import { useLanguage } from '../i18n';
import { FormErrors } from '../shell/ErrorNote';
import { FAULT_TYPES, ROOT_CAUSE_LEVELS } from '../ticket/Attribution';

/** A knowledge card in the author's own words; it is saved as a draft. */
export function NewCard() {
  const [, t] = useLanguage();
  const [, navigate] = useLocation();
  const { products, causeTags, solutionTags } = useCatalogue();
  const action = useAction(CreateCardDocument);
  const [title, setTitle] = useState('');
  const [appliesTo, setAppliesTo] = useState('');
  const [solution, setSolution] = useState('');
  const [faultType, setFaultType] = useState<FaultType | ''>('');
  const [rootCauseLevel, setLevel] = useState<RootCauseLevel | ''>('');
  const [causeTag, setCauseTag] = useState('');
  const [product, setProduct] = useState('');
  const [tags, setTags] = useState<readonly string[]>([]);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (faultType === '' || rootCauseLevel === '') return;
    const answer = await action.run({
      title,
      appliesTo: appliesTo || null,
      solution,
      faultType,
      rootCauseLevel,
      causeTag: causeTag || null,
      product: product || null,
      solutionTags: [...tags],
    });
    if (answer?.card) navigate(`/knowledge/${answer.card.id}`);
  };
  const toOptions = (entries: readonly { key: string; name: string; archived: boolean }[]) => [
    <option key="" value="">
      {t('new.none')}
    </option>,
    ...entries
      .filter((entry) => !entry.archived)
      .map(({ key, name }) => (
        <option key={key} value={key}>
          {name}
        </option>
      )),
  ];
  return (
    <div className="ticket one-column">
      <form className="body" onSubmit={(event) => void submit(event)} data-testid="card-form">
        <h1>{t('card.new.title')}</h1>
        <p className="quiet">{t('card.new.help')}</p>
        <label>
          {t('card.title')}
          <input required maxLength={200} value={title} onChange={(e) => setTitle(e.target.value)} data-testid="card-title" />
        </label>
        <label>
          {t('card.new.symptom')}
          <textarea rows={2} maxLength={20_000} value={appliesTo} onChange={(e) => setAppliesTo(e.target.value)} />
        </label>
        <div className="fields">
          <label>
            {t('attribution.faultType')}
            <select required value={faultType} onChange={(e) => setFaultType(e.target.value as FaultType)} data-testid="fault-type">
              <option value="" disabled />
              {FAULT_TYPES.map((key) => (
                <option key={key} value={key}>
                  {t(`fault.${key}`)}
                </option>
              ))}
            </select>
          </label>
          <label>
            {t('attribution.level')}
            <select required value={rootCauseLevel} onChange={(e) => setLevel(e.target.value as RootCauseLevel)} data-testid="root-cause">
              <option value="" disabled />
              {ROOT_CAUSE_LEVELS.map((key) => (
                <option key={key} value={key}>
                  {t(`level.${key}`)}
                </option>
              ))}
            </select>
          </label>
          <label>
            {t('attribution.causeTag')}
            <select value={causeTag} onChange={(e) => setCauseTag(e.target.value)}>
              {toOptions(causeTags)}
            </select>
          </label>
          <label>
            {t('new.product')}
            <select value={product} onChange={(e) => setProduct(e.target.value)}>
              {toOptions(products)}
            </select>
          </label>
        </div>
        <label>
          {t('card.new.steps')}
          <textarea required rows={8} maxLength={20_000} value={solution} onChange={(e) => setSolution(e.target.value)} data-testid="card-solution" />
        </label>
        <fieldset>
          <legend>{t('attribution.solutionTags')}</legend>
          {solutionTags
            .filter((tag) => !tag.archived)
            .map(({ key, name }) => (
              <label key={key} className="check">
                <input
                  type="checkbox"
                  data-testid={`solution-${key}`}
                  checked={tags.includes(key)}
                  onChange={(e) => setTags(e.target.checked ? [...tags, key] : tags.filter((tag) => tag !== key))}
                />
                {name}
              </label>
            ))}
        </fieldset>
        <FormErrors action={action} />
        <div className="line">
          <button type="submit" className="primary" disabled={action.busy || tags.length === 0} data-testid="card-create">
            {t('card.new.save')}
          </button>
          <Link href="/knowledge">{t('cancel')}</Link>
        </div>
      </form>
    </div>
  );
}
