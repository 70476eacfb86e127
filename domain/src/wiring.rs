//! Who reacts to whom: the only file that knows. In the transaction, in memory after the commit, or by timer.

use std::path::PathBuf;
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::auth::model::{AuthEvent, Keys, SIGNING_KEY_LIFE};
use crate::calendar::model::Calendars;
use crate::catalogue::model::Words;
use crate::credentials::model::CredentialEvent;
use crate::event::Event;
use crate::hub::model::HubEvent;
use crate::intake::model::IntakeEvent;
use crate::kernel::{Error, Result, minutes};
use crate::knowledge::model::KnowledgeEvent;
use crate::notifications::model::{Appendix, NotificationEvent, Senders};
use crate::people::model::Roster;
use crate::recommend::model::{Learned, Meaning, RecommendEvent};
use crate::recommend::react::Progress;
use crate::runtime::app::{States, Wiring};
use crate::runtime::jobs::{self, Job, Next, Outcome, Prepared, Sending};
use crate::runtime::{App, Tx, Vault, command};
use crate::tickets::model::{Numbers, TicketEvent};
use crate::tickets::queries::{Kept, LiveTickets};
use crate::{
    auth, calendar, catalogue, credentials, dispatch, escalation, hub, intake, knowledge, metrics, notifications,
    people, recommend, reports, satisfaction, sla, tickets,
};

pub const WIRING: Wiring = Wiring { reaction: react, observer: observe, job: run_job, sending: SENDING };

const LANES: [&str; 11] = {
    let [suggest, learn] = recommend::react::LANES;
    let [a, b, c, d, e, f] = notifications::model::LANES;
    [suggest, learn, reports::react::LANE, hub::react::LANE, intake::react::LANE, a, b, c, d, e, f]
};

const SENDING: Sending = Sending { lanes: &LANES, width, prepare, settle };

/// Of a provider one speaks with few voices; each partner's endpoint has its own queue, and none waits for another.
fn width(lane: &str) -> usize {
    if lane == hub::react::LANE { 64 } else { 4 }
}

/// The sweep: plants what was lost, forgets what is over.
pub const SWEEP: &str = "runtime.sweep";
pub const SWEEP_EVERY: std::time::Duration = minutes(5);

/// Signing keys get a successor in time.
const ROTATE: &str = "auth.rotate_signing_key";

/// An administrator's choices, capability by capability.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub organisation: calendar::model::Organisation,
    pub tickets: tickets::react::Settings,
    pub sla: sla::model::Settings,
    pub notifications: notifications::model::Settings,
    pub dispatch: dispatch::model::Settings,
    pub escalation: escalation::model::Settings,
    pub hub: hub::model::Settings,
    pub intake: intake::model::Settings,
    pub credentials: credentials::model::Settings,
    pub knowledge: knowledge::model::Settings,
    pub metrics: metrics::model::Settings,
    pub reports: reports::model::Settings,
    /// Of the encoder of meanings.
    pub model_dir: Option<PathBuf>,
}

/// The state that capabilities keep in memory.
pub fn states(vault: Vault, settings: Settings, senders: Senders) -> States {
    let Settings {
        organisation,
        tickets,
        sla,
        notifications,
        dispatch,
        escalation,
        hub,
        intake,
        credentials,
        knowledge,
        metrics,
        reports,
        model_dir,
    } = settings;
    let mut states = States::default();
    states.insert(vault);
    states.insert(tickets);
    states.insert(organisation);
    states.insert(sla);
    states.insert(notifications);
    states.insert(dispatch);
    states.insert(escalation);
    states.insert(hub);
    states.insert(hub::model::Systems::default());
    states.insert(intake);
    states.insert(intake::model::Told::default());
    states.insert(credentials);
    states.insert(knowledge);
    states.insert(senders);
    states.insert(metrics);
    states.insert(reports);
    states.insert(metrics::react::Held::default());
    states.insert(Keys::default());
    states.insert(Roster::default());
    states.insert(Words::default());
    states.insert(Calendars::default());
    states.insert(sla::model::Policies::default());
    states.insert(escalation::model::Policies::default());
    states.insert(escalation::model::Lateness::default());
    states.insert(Numbers::default());
    states.insert(Kept::default());
    states.insert(LiveTickets::default());
    states.insert(Progress::default());
    states.insert(Meaning::of(model_dir));
    states.insert(Learned::default());
    states.insert(Appendix(|cx, ticket, recipient, tongue| {
        Box::pin(recommend::queries::lines(cx, ticket, recipient, tongue))
    }));
    states
}

type OnTicket = for<'t> fn(&'t mut Tx, &'t TicketEvent) -> BoxFuture<'t, Result<()>>;

/// Who reacts to what happens to a ticket, in this order. Each is put on the heap by itself: reactions lie within each other,
/// an event in the reaction to another, and none is to be as large as all.
const ON_TICKET: [OnTicket; 10] = [
    |tx, event| Box::pin(tickets::react::on_ticket_event(tx, event)),
    |tx, event| Box::pin(sla::react::on_ticket_event(tx, event)),
    |tx, event| Box::pin(knowledge::react::on_ticket_event(tx, event)),
    |tx, event| Box::pin(notifications::react::on_ticket_event(tx, event)),
    |tx, event| Box::pin(recommend::react::on_ticket_event(tx, event)),
    |tx, event| Box::pin(satisfaction::react::on_ticket_event(tx, event)),
    |tx, event| Box::pin(reports::react::on_ticket_event(tx, event)),
    |tx, event| Box::pin(dispatch::react::on_ticket_event(tx, event)),
    |tx, event| Box::pin(escalation::react::on_ticket_event(tx, event)),
    |tx, event| Box::pin(hub::react::on_ticket_event(tx, event)),
];

/// Each reaction on the heap: they lie within each other, an event in the reaction to another.
fn react<'t>(tx: &'t mut Tx, event: &'t Event) -> BoxFuture<'t, Result<()>> {
    Box::pin(async move {
        match event {
            Event::Ticket(event) => {
                for reaction in ON_TICKET {
                    reaction(tx, event).await?;
                }
                Ok(())
            }
            Event::Hub(HubEvent::SystemDisabled { key, .. }) => {
                Box::pin(notifications::react::on_system_disabled(tx, key)).await
            }
            Event::Credential(CredentialEvent::Saved { owner: Some(owner), .. }) => {
                Box::pin(people::react::on_owner(tx, *owner)).await
            }
            Event::Credential(CredentialEvent::Expiring { key, owner, days, .. }) => {
                let word = "CREDENTIAL_EXPIRING";
                Box::pin(notifications::react::on_credential(tx, key, word, Some(*days), *owner)).await
            }
            Event::Credential(CredentialEvent::Failing { key, owner, .. }) => {
                let alert = intake::commands::alert_key(key, "CREDENTIAL_FAILING", tx.now);
                let alerting =
                    notifications::react::on_gateway_failing(tx, key, "CREDENTIAL_FAILING", &alert, Some(*owner));
                Box::pin(alerting).await
            }
            Event::Credential(CredentialEvent::Rotated { key, owner, .. })
                if tx.app().state::<credentials::model::Settings>().change_alarm =>
            {
                Box::pin(notifications::react::on_credential(tx, key, "CREDENTIAL_ROTATED", None, *owner)).await
            }
            Event::Intake(IntakeEvent::Quarantined { gateway, reason, .. }) => {
                match intake::queries::is_alarming(tx.conn(), *gateway, *reason, tx.now).await? {
                    true => Box::pin(alert(tx, *gateway, "SIGNATURE_FAILING")).await,
                    false => Ok(()),
                }
            }
            Event::Intake(IntakeEvent::CanaryLost { gateway }) => Box::pin(alert(tx, *gateway, "CANARY_LOST")).await,
            Event::Intake(IntakeEvent::Silent { gateway, since }) => {
                let key = intake::commands::silence_key(*gateway, *since);
                Box::pin(alert_once(tx, *gateway, "GATEWAY_SILENT", &key)).await
            }
            Event::Intake(IntakeEvent::Released { ticket: Some(ticket), held_secs, .. }) => {
                Box::pin(notifications::react::on_released(tx, *ticket, *held_secs)).await
            }
            Event::Intake(IntakeEvent::Full { gateway }) => Box::pin(alert(tx, *gateway, "QUARANTINE_FULL")).await,
            Event::Hub(HubEvent::UnknownWord { key, word, .. }) => {
                Box::pin(notifications::react::on_unknown_word(tx, key, word)).await
            }
            Event::Catalogue(event) => {
                Box::pin(tickets::react::on_catalogue_event(tx, event)).await?;
                Box::pin(knowledge::react::on_catalogue_event(tx, event)).await
            }
            Event::Knowledge(KnowledgeEvent::CardExtracted { card, team, cases }) => {
                Box::pin(notifications::react::on_card_extracted(tx, *card, *team, *cases)).await
            }
            Event::ImportFinished { .. } => Box::pin(knowledge::react::on_import_finished(tx)).await,
            Event::Auth(event) => Box::pin(dispatch::react::on_auth_event(tx, event)).await,
            Event::Calendar(_) | Event::People(_) | Event::Notification(NotificationEvent::TerminalChanged { .. }) => {
                if let Event::People(event) = event {
                    Box::pin(reports::react::on_people_event(tx, event)).await?;
                }
                Box::pin(dispatch::react::on_roster_event(tx)).await?;
                Box::pin(escalation::react::on_roster_event(tx)).await
            }
            Event::ClockJumped { seconds } => Box::pin(notifications::react::on_clock_jumped(tx, *seconds)).await,
            Event::Credential(_)
            | Event::Escalation(_)
            | Event::Hub(_)
            | Event::Intake(_)
            | Event::Knowledge(_)
            | Event::Notification(_)
            | Event::Recommend(_)
            | Event::Sla(_) => Ok(()),
        }
    })
}

/// What fails at a gateway is told to administrators and to the owner of its credential.
async fn alert(tx: &mut Tx, gateway: intake::model::Gateway, word: &str) -> Result<()> {
    let key = intake::commands::alert_key(gateway.word(), word, tx.now);
    alert_once(tx, gateway, word, &key).await
}

async fn alert_once(tx: &mut Tx, gateway: intake::model::Gateway, word: &str, key: &str) -> Result<()> {
    let owner = credentials::queries::owner(tx.conn(), gateway.word()).await?;
    Box::pin(notifications::react::on_gateway_failing(tx, gateway.word(), word, key, owner)).await
}

fn observe(app: &App, event: &Event) {
    match event {
        Event::Auth(AuthEvent::SessionEnded { .. } | AuthEvent::ApiKeyRevoked { .. })
        | Event::People(_)
        | Event::Catalogue(_) => {
            app.state::<Roster>().forget_all();
            if matches!(event, Event::Catalogue(_)) {
                app.state::<Words>().forget();
            }
        }
        Event::Calendar(_) => app.state::<Calendars>().forget(),
        Event::Hub(HubEvent::SystemSaved { .. } | HubEvent::SystemDisabled { .. }) => hub::react::observe(app),
        Event::Sla(_) => app.state::<sla::model::Policies>().forget(),
        Event::Escalation(_) => app.state::<escalation::model::Policies>().forget(),
        Event::Recommend(RecommendEvent::RankingLearned { .. }) => app.state::<Learned>().forget(),
        Event::Auth(AuthEvent::SigningKeyRotated { .. }) => app.state::<Keys>().call_for_reload(),
        Event::Auth(_)
        | Event::Credential(_)
        | Event::Hub(_)
        | Event::Intake(_)
        | Event::Knowledge(_)
        | Event::Notification(_)
        | Event::Ticket(_)
        | Event::ClockJumped { .. }
        | Event::ImportFinished { .. } => {}
    }
}

fn run_job<'t>(tx: &'t mut Tx, job: &'t Job) -> BoxFuture<'t, Result<Next>> {
    Box::pin(async move {
        match job.kind.as_str() {
            tickets::react::CLOSE => tickets::react::on_close(tx, job).await,
            sla::react::WATCH => sla::react::on_watch(tx, job).await,
            dispatch::react::ASSIGN => dispatch::react::on_assign(tx, job).await,
            dispatch::react::DRAIN => dispatch::react::on_drain(tx, job).await,
            dispatch::react::ROSTER => dispatch::react::on_roster(tx).await,
            escalation::react::LEVEL => escalation::react::on_level(tx, job).await,
            escalation::react::UNOPENED => escalation::react::on_unopened(tx, job).await,
            escalation::react::RETRY => escalation::react::on_retry(tx, job).await,
            knowledge::react::LEARN => knowledge::react::on_learn(tx, job).await,
            knowledge::react::EXTRACT => knowledge::react::on_extract(tx, job).await,
            knowledge::react::FILL => knowledge::react::on_fill(tx, job).await,
            knowledge::react::COLLECT => knowledge::react::on_collect(tx).await,
            credentials::react::EXPIRY => credentials::react::on_expiry(tx, job).await,
            intake::react::WATCH => intake::commands::on_watch(tx).await,
            intake::react::CHECK => intake::commands::on_check(tx, job).await,
            hub::react::LINK => hub::react::on_link(tx, job).await,
            hub::react::REFOLD => hub::react::on_refold(tx, job).await,
            notifications::react::UNACKNOWLEDGED => notifications::commands::on_unacknowledged(tx, job).await,
            SWEEP => {
                tickets::react::sweep(tx).await?;
                sla::react::sweep(tx).await?;
                dispatch::react::sweep(tx).await?;
                escalation::react::sweep(tx).await?;
                hub::react::sweep(tx).await?;
                command::forget_old_answers(tx).await?;
                auth::commands::forget_ended(tx).await?;
                Ok(Next::At(tx.now + SWEEP_EVERY))
            }
            ROTATE => {
                auth::commands::rotate_signing_key(tx).await?;
                Ok(Next::At(tx.now + SIGNING_KEY_LIFE))
            }
            kind => Err(Error::internal(format!("no handler for jobs of kind {kind:?}"))),
        }
    })
}

fn prepare<'t>(tx: &'t mut Tx, job: &'t Job) -> BoxFuture<'t, Result<Prepared>> {
    Box::pin(async move {
        match job.kind.as_str() {
            hub::react::DELIVER => hub::commands::prepare(tx, job).await,
            intake::react::CANARY => intake::commands::prepare_canary(tx, job).await,
            intake::react::TELL => intake::commands::prepare_telling(tx, job).await,
            notifications::react::SEND => notifications::commands::prepare(tx, job).await,
            notifications::react::PROBE => notifications::commands::prepare_probe(tx, job).await,
            recommend::react::SUGGEST => recommend::commands::prepare_suggesting(tx, job).await,
            recommend::react::LEARN => Ok(recommend::commands::prepare_learning(tx)),
            reports::react::GAPS => Ok(reports::commands::prepare_gaps(tx)),
            reports::react::MONTHLY => reports::commands::on_monthly(tx, job).await,
            reports::react::MAKE => Ok(reports::commands::prepare_making(tx, job)),
            kind => Err(Error::internal(format!("no handler for sending jobs of kind {kind:?}"))),
        }
    })
}

fn settle<'t>(tx: &'t mut Tx, job: &'t Job, outcome: Outcome) -> BoxFuture<'t, Result<Next>> {
    Box::pin(async move {
        match job.kind.as_str() {
            hub::react::DELIVER => hub::commands::settle(tx, job, outcome).await,
            intake::react::CANARY => intake::commands::settle_canary(tx, job, outcome).await,
            intake::react::TELL => intake::commands::settle_telling(tx, job, outcome).await,
            notifications::react::SEND => notifications::commands::settle(tx, job, outcome).await,
            notifications::react::PROBE => notifications::commands::settle_probe(tx, job, outcome).await,
            recommend::react::SUGGEST => recommend::commands::settle_suggesting(tx, job, outcome).await,
            recommend::react::LEARN => recommend::commands::settle_learning(tx, outcome).await,
            reports::react::GAPS => reports::commands::settle_gaps(tx, outcome).await,
            reports::react::MAKE => reports::commands::settle_making(tx, job, outcome).await,
            kind => Err(Error::internal(format!("no handler for sending jobs of kind {kind:?}"))),
        }
    })
}

/// What every start does: keys into memory. The first one of an installation plants the sweep and gives it the tags that
/// attribution needs.
pub async fn start(app: &Arc<App>) -> Result<()> {
    auth::commands::load_signing_keys(app).await?;
    let mut tx = crate::runtime::Ctx::system(app).begin().await?;
    let first = !jobs::stands(&tx, SWEEP, "").await?;
    // What an older program did not learn is learned now.
    let collect = if first { tx.now + knowledge::react::COLLECT_EVERY } else { tx.now };
    let standing =
        [(SWEEP, tx.now + SWEEP_EVERY), (ROTATE, tx.now + SIGNING_KEY_LIFE), (knowledge::react::COLLECT, collect)];
    for (kind, at) in standing {
        if !jobs::stands(&tx, kind, "").await? {
            jobs::plant(&mut tx, kind, "", at).await?;
        }
    }
    let (gaps_at, report_at) = (reports::commands::next_monday(&tx), reports::commands::next_month(&tx, tx.now));
    if let Some(every) = tx.app().state::<intake::model::Settings>().watched_every
        && !jobs::stands(&tx, intake::react::WATCH, "").await?
    {
        let at = tx.now + every;
        jobs::plant(&mut tx, intake::react::WATCH, "", at).await?;
    }
    notifications::commands::plant_probes(&mut tx).await?;
    for (lane, kind, at) in [
        (recommend::react::LANES[1], recommend::react::LEARN, tx.now + recommend::react::LEARN_EVERY),
        (reports::react::LANE, reports::react::GAPS, gaps_at),
        (reports::react::LANE, reports::react::MONTHLY, report_at),
    ] {
        if !jobs::stands(&tx, kind, "").await? {
            jobs::plant_in_lane(&mut tx, lane, &[(kind, "", at)]).await?;
        }
    }
    if first {
        catalogue::commands::seed(&mut tx).await?;
    }
    calendar::commands::seed(&mut tx).await?;
    sla::commands::seed(&mut tx).await?;
    escalation::commands::seed(&mut tx).await?;
    tx.commit().await
}
