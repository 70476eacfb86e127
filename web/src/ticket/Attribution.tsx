import { useState, type SubmitEvent } from 'react';
import { nameOf, useCatalogue } from '../api/catalogue';
import type { Action } from '../api/action';
import type { AttributionFragment, AttributionInput, FaultType, RootCauseLevel } from '../gql';
import { useLanguage } from '../i18n';
import { formatDateTime } from '../lib/time';
import { FormErrors } from '../shell/ErrorNote';
import type { CitedDraft } from './citedDraft';

export const FAULT_TYPES: FaultType[] = ['HARDWARE', 'SOFTWARE', 'CONFIGURATION', 'OPERATION'];
export const ROOT_CAUSE_LEVELS: RootCauseLevel[] = ['L1_USER_ERROR', 'L2_ENVIRONMENT', 'L3_DESIGN_DEFECT'];

/** Cause and solution of an imported ticket as its source wrote them: a text, and no attribution. */
export function SourceSolution({ text }: { text: string }) {
  const [, t] = useLanguage();
  return (
    <section className="attribution" data-testid="source-solution">
      <h2>{t('attribution.title')}</h2>
      <p className="text">{text}</p>
      <p className="note">{t('attribution.sourceText')}</p>
    </section>
  );
}

export function AttributionSummary({ attribution }: { attribution: AttributionFragment }) {
  const [lang, t] = useLanguage();
  const { causeTags, solutionTags } = useCatalogue();
  const { faultType, rootCauseLevel, causeTag, resolution, at, by } = attribution;
  const tags = attribution.solutionTags.map((key) => nameOf(solutionTags, key));
  return (
    <section className="attribution">
      <h2>{t('attribution.title')}</h2>
      <p className="tags">
        {[t(`fault.${faultType}`), t(`level.${rootCauseLevel}`), ...(causeTag ? [nameOf(causeTags, causeTag)] : []), ...tags].map(
          (tag) => (
            <span key={tag} className="badge">
              {tag}
            </span>
          ),
        )}
      </p>
      <p className="text">{resolution}</p>
      <p className="quiet">
        {t('ticket.by', { name: by.name })} · {formatDateTime(at, lang)}
      </p>
    </section>
  );
}

interface Props<R, I> {
  /** The current attribution. */
  initial: AttributionFragment | null;
  /** What the form can be filled with; without a current attribution it begins with the first. */
  drafts: readonly CitedDraft[];
  submitLabel: string;
  action: Action<R, I>;
  onSubmit: (attribution: AttributionInput) => void;
  onCancel: () => void;
}

/** The attribution form. A ticket cannot be resolved without attribution. */
export function AttributionForm<R, I>({ initial, drafts, submitLabel, action, onSubmit, onCancel }: Props<R, I>) {
  const [, t] = useLanguage();
  const { causeTags, solutionTags } = useCatalogue();
  const [draftId, setDraftId] = useState(initial ? '' : (drafts[0]?.id ?? ''));
  const draft = drafts.find(({ id }) => id === draftId);
  const start = initial ?? draft;
  const [faultType, setFaultType] = useState<FaultType | ''>(start?.faultType ?? '');
  const [rootCauseLevel, setLevel] = useState<RootCauseLevel | ''>(start?.rootCauseLevel ?? '');
  const [causeTag, setCauseTag] = useState(start?.causeTag ?? '');
  const [tags, setTags] = useState<readonly string[]>(start?.solutionTags ?? []);
  const [resolution, setResolution] = useState(start?.resolution ?? '');
  const [checked, setChecked] = useState(false);
  const fillFrom = (id: string) => {
    const next = drafts.find((of) => of.id === id) ?? initial;
    setDraftId(id);
    setChecked(false);
    setFaultType(next?.faultType ?? '');
    setLevel(next?.rootCauseLevel ?? '');
    setCauseTag(next?.causeTag ?? '');
    setTags(next?.solutionTags ?? []);
    setResolution(next?.resolution ?? '');
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (faultType === '' || rootCauseLevel === '') return;
    onSubmit({ faultType, rootCauseLevel, causeTag: causeTag === '' ? null : causeTag, solutionTags: [...tags], resolution });
  };
  return (
    <form className="panel" onSubmit={submit} data-testid="attribution-form">
      {drafts.length > 0 && (
        <label>
          {t('attribution.cited.from')}
          <select value={draftId} onChange={(e) => fillFrom(e.target.value)} data-testid="cited-source">
            {drafts.map(({ id, source }) => (
              <option key={id} value={id}>
                {source}
              </option>
            ))}
            <option value="">{t('attribution.cited.none')}</option>
          </select>
        </label>
      )}
      {draft && (
        <p role="status" className="note" data-testid="cited-draft">
          {t('attribution.cited', { source: draft.source })}
        </p>
      )}
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
            <option value="">{t('attribution.causeTag.none')}</option>
            {causeTags
              .filter((tag) => !tag.archived || tag.key === causeTag)
              .map(({ key, name }) => (
                <option key={key} value={key}>
                  {name}
                </option>
              ))}
          </select>
        </label>
      </div>
      <fieldset>
        <legend>{t('attribution.solutionTags')}</legend>
        {solutionTags
          .filter((tag) => !tag.archived || tags.includes(tag.key))
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
      <label>
        {t('attribution.resolution')}
        <textarea
          required
          rows={4}
          maxLength={20_000}
          value={resolution}
          onChange={(e) => setResolution(e.target.value)}
          data-testid="resolution"
        />
      </label>
      {draft && (
        <label className="check">
          <input type="checkbox" required checked={checked} onChange={(e) => setChecked(e.target.checked)} data-testid="cited-confirm" />
          {t('attribution.cited.confirm')}
        </label>
      )}
      <FormErrors action={action} />
      <div className="line">
        <button type="submit" className="primary" disabled={action.busy || tags.length === 0} data-testid="attribution-submit">
          {submitLabel}
        </button>
        <button type="button" onClick={onCancel}>
          {t('cancel')}
        </button>
      </div>
    </form>
  );
}
