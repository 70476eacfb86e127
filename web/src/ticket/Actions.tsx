/** The actions that the viewer may take on the ticket: a button each, with a form where more input is needed. */
import { useState, type SubmitEvent } from 'react';
import { useQuery } from 'urql';
import { useAction } from '../api/action';
import {
  AcceptTicketDocument,
  AssigneesDocument,
  AssignTicketDocument,
  AttributeTicketDocument,
  CancelTicketDocument,
  ChaseTicketDocument,
  CloseTicketDocument,
  ReopenTicketDocument,
  ResolveTicketDocument,
  ResumeTicketDocument,
  SetWaitingDocument,
  type TicketPageFragment,
  type TicketAction,
} from '../gql';
import { useLanguage } from '../i18n';
import { FormErrors } from '../shell/ErrorNote';
import { AttributionForm } from './Attribution';
import { citedDrafts } from './citedDraft';

const SUPPORTED_ACTIONS = [
  'ACCEPT',
  'ASSIGN',
  'RESOLVE',
  'SET_WAITING',
  'RESUME',
  'ATTRIBUTE',
  'CLOSE',
  'REOPEN',
  'CHASE',
  'CANCEL',
] as const satisfies TicketAction[];
type SupportedAction = (typeof SUPPORTED_ACTIONS)[number];
/** Actions without a form; the others open one. */
const IMMEDIATE_ACTIONS: readonly SupportedAction[] = ['ACCEPT', 'RESUME', 'CLOSE', 'CHASE'];
const PRIMARY_ACTIONS: readonly SupportedAction[] = ['ACCEPT', 'RESOLVE'];

interface Props {
  page: TicketPageFragment;
  onChange: (page: TicketPageFragment) => void;
}

type Answer = { ticket: TicketPageFragment | null };

export function Actions({ page, onChange }: Props) {
  const [, t] = useLanguage();
  const [openAction, setOpenAction] = useState<SupportedAction | null>(null);
  const accept = useAction(AcceptTicketDocument);
  const resume = useAction(ResumeTicketDocument);
  const close = useAction(CloseTicketDocument);
  const chase = useAction(ChaseTicketDocument);
  const resolve = useAction(ResolveTicketDocument);
  const attribute = useAction(AttributeTicketDocument);
  const immediate = { ACCEPT: accept, RESUME: resume, CLOSE: close };

  const ticketId = page.id;
  const expectedVersion = page.version;
  const applyAnswer = (answer: Answer | null) => {
    if (!answer?.ticket) return;
    onChange(answer.ticket);
    setOpenAction(null);
  };
  const handleClick = async (action: SupportedAction) => {
    setOpenAction(IMMEDIATE_ACTIONS.includes(action) || openAction === action ? null : action);
    if (action === 'CHASE') applyAnswer(await chase.run({ ticketId }));
    if (action === 'ACCEPT' || action === 'RESUME' || action === 'CLOSE') {
      applyAnswer(await immediate[action].run({ ticketId, expectedVersion }));
    }
  };
  const allowed = SUPPORTED_ACTIONS.filter((action) => page.allowedActions.includes(action));
  const openForm = openAction && allowed.includes(openAction) ? openAction : null;
  if (allowed.length === 0) return null;

  return (
    <section className="actions">
      <div className="line">
        {allowed.map((action) => (
          <button
            key={action}
            type="button"
            data-testid={`action-${action}`}
            className={PRIMARY_ACTIONS.includes(action) ? 'primary' : ''}
            aria-expanded={IMMEDIATE_ACTIONS.includes(action) ? undefined : openForm === action}
            disabled={accept.busy || resume.busy || close.busy || chase.busy}
            onClick={() => void handleClick(action)}
          >
            {t(`action.${action}`)}
          </button>
        ))}
      </div>
      {[accept, resume, close, chase].map((action, index) => (
        <FormErrors key={index} action={action} />
      ))}
      {(openForm === 'RESOLVE' || openForm === 'ATTRIBUTE') && (
        <AttributionForm
          initial={page.attribution}
          drafts={citedDrafts(page.citations)}
          submitLabel={t(`action.${openForm}`)}
          action={openForm === 'RESOLVE' ? resolve : attribute}
          onCancel={() => setOpenAction(null)}
          onSubmit={(attribution) =>
            void (openForm === 'RESOLVE' ? resolve : attribute).run({ ticketId, expectedVersion, attribution }).then(applyAnswer)
          }
        />
      )}
      {openForm === 'ASSIGN' && <AssignForm page={page} onDone={applyAnswer} onCancel={() => setOpenAction(null)} />}
      {(openForm === 'SET_WAITING' || openForm === 'REOPEN' || openForm === 'CANCEL') && (
        <ReasonForm key={openForm} kind={openForm} page={page} onDone={applyAnswer} onCancel={() => setOpenAction(null)} />
      )}
    </section>
  );
}

interface FormProps {
  page: TicketPageFragment;
  onDone: (answer: Answer | null) => void;
  onCancel: () => void;
}

const REASON_MUTATIONS = { SET_WAITING: SetWaitingDocument, REOPEN: ReopenTicketDocument, CANCEL: CancelTicketDocument };

function ReasonForm({ kind, page, onDone, onCancel }: FormProps & { kind: keyof typeof REASON_MUTATIONS }) {
  const [, t] = useLanguage();
  const action = useAction(REASON_MUTATIONS[kind]);
  const [reason, setReason] = useState('');
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void action.run({ ticketId: page.id, expectedVersion: page.version, reason }).then(onDone);
  };
  return (
    <form className="panel" onSubmit={submit}>
      <label>
        {t(`action.reason.${kind}`)}
        <textarea required rows={2} maxLength={2_000} value={reason} onChange={(e) => setReason(e.target.value)} />
      </label>
      <FormErrors action={action} />
      <div className="line">
        <button type="submit" className="primary" disabled={action.busy}>
          {t(`action.${kind}`)}
        </button>
        <button type="button" onClick={onCancel}>
          {t(kind === 'CANCEL' ? 'back' : 'cancel')}
        </button>
      </div>
    </form>
  );
}

const ASSIGNABLE_ROLES = ['AGENT', 'SUPERVISOR', 'ADMIN'];

function AssignForm({ page, onDone, onCancel }: FormProps) {
  const [, t] = useLanguage();
  const action = useAction(AssignTicketDocument);
  const [searchText, setSearchText] = useState('');
  const [assigneeId, setAssigneeId] = useState('');
  const [{ data }] = useQuery({ query: AssigneesDocument, variables: { teamId: page.team?.id, text: searchText || null } });
  const people = (data?.users.nodes ?? []).filter(
    (person) => person.id !== page.assignee?.id && person.roles.some((role) => ASSIGNABLE_ROLES.includes(role)),
  );
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void action.run({ ticketId: page.id, expectedVersion: page.version, assigneeId }).then(onDone);
  };
  return (
    <form className="panel" onSubmit={submit}>
      <label>
        {t('action.assignTo')}
        <input type="search" maxLength={100} value={searchText} onChange={(e) => setSearchText(e.target.value)} />
      </label>
      <fieldset className="people">
        {people.map((person) => (
          <label key={person.id} className="check">
            <input type="radio" name="assignee" required checked={assigneeId === person.id} onChange={() => setAssigneeId(person.id)} />
            {person.name} <span className="quiet">{[person.team?.name, ...person.skills].filter(Boolean).join(' · ')}</span>
          </label>
        ))}
      </fieldset>
      <FormErrors action={action} />
      <div className="line">
        <button type="submit" className="primary" disabled={action.busy || assigneeId === ''}>
          {t('action.ASSIGN')}
        </button>
        <button type="button" onClick={onCancel}>
          {t('cancel')}
        </button>
      </div>
    </form>
  );
}
