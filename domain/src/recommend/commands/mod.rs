//! What people make of the cases that are shown to them. How texts get a meaning is in `meaning`, what is learned in `learning`.

mod learning;
mod meaning;

use futures::FutureExt as _;
use serde_json::json;

pub use self::learning::{prepare_learning, settle_learning};
pub use self::meaning::run;
use super::model::{Answer, DismissSuggestion, RestoreSuggestion, Suggestion, SuggestionState, VERDICTS_MAX};
use super::{queries, store};
use crate::kernel::{CitationId, Code, Error, Result, TicketId, refuse};
use crate::knowledge;
use crate::knowledge::model::Source;
use crate::runtime::jobs::{Job, Next, Outcome, Prepared};
use crate::runtime::{Command, Tx};
use crate::tickets;
use crate::tickets::decide::rights;
use crate::tickets::model::{Action, Fact};

/// The case that an input names; NOT_FOUND where the actor may not read it.
async fn check_case(tx: &Tx, ticket: TicketId, case: TicketId) -> Result<()> {
    if ticket == case {
        return Err(refuse(
            Code::Invalid,
            "caseId",
            "A ticket is no case of itself: name another one.",
            "工单不能作为自身的案例，请选择其他案例。",
        )
        .into());
    }
    let found = tickets::commands::held(tx, &[case]).await?.remove(&case);
    let participants = tickets::queries::participants(tx.conn(), case).await?;
    let readable = |found: &tickets::model::Ticket| rights::access(tx.actor(), found, &participants).is_some();
    found.filter(readable).map(drop).ok_or_else(|| rights::not_found("caseId").into())
}

impl Command for DismissSuggestion {
    const NAME: &'static str = "dismissSuggestion";
    type Output = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let by = tx.actor().user_id().ok_or_else(Error::unauthenticated)?;
        let Self { ticket, case, reason } = *self;
        tickets::commands::check(tx, ticket, Action::Cite).await?;
        check_case(tx, ticket, case).await?;
        let before = store::suggestion(tx.conn(), ticket, case).await?;
        let answer = Answer { state: SuggestionState::Dismissed, by, at: tx.now, reason: Some(reason) };
        if before.as_ref().is_some_and(|before| before.state == answer.state && before.reason == answer.reason) {
            return Ok(ticket);
        }
        let dismissed = store::dismissed(tx.conn(), ticket).await?;
        if dismissed.len() >= VERDICTS_MAX && !dismissed.contains(&case) {
            return Err(refuse(
                Code::LimitExceeded,
                "caseId",
                format!("{VERDICTS_MAX} cases are dismissed for this ticket already; restore one first."),
                format!("该工单已有 {VERDICTS_MAX} 条被忽略的案例，请先恢复其中一条。"),
            )
            .into());
        }
        let fact = Fact::SuggestionDismissed { case, reason: reason.word().to_owned() };
        tickets::commands::act(tx, ticket, Action::Cite, fact).await?;
        store::answer(tx.conn(), ticket, case, &answer).await?;
        Ok(ticket)
    }
}

impl Command for RestoreSuggestion {
    const NAME: &'static str = "restoreSuggestion";
    type Output = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let by = tx.actor().user_id().ok_or_else(Error::unauthenticated)?;
        let Self { ticket, case } = *self;
        tickets::commands::check(tx, ticket, Action::Cite).await?;
        let before = store::suggestion(tx.conn(), ticket, case).await?;
        if before.is_none_or(|before| before.state != SuggestionState::Dismissed) {
            return Ok(ticket);
        }
        tickets::commands::act(tx, ticket, Action::Cite, Fact::SuggestionRestored { case }).await?;
        let cited = knowledge::queries::cites(tx.conn(), ticket, case).await?;
        let state = if cited { SuggestionState::Cited } else { SuggestionState::Shown };
        store::answer(tx.conn(), ticket, case, &Answer { state, by, at: tx.now, reason: None }).await?;
        Ok(ticket)
    }
}

/// A ticket cites a case, or the card of a case that was shown for it.
pub(super) async fn cited(tx: &mut Tx, ticket: TicketId, citation: CitationId) -> Result<()> {
    let source = knowledge::queries::source_of(tx.conn(), citation).await?;
    let (Some(by), Some(source)) = (tx.actor().user_id(), source) else { return Ok(()) };
    let answer = Answer { state: SuggestionState::Cited, by, at: tx.now, reason: None };
    let cases = match source {
        Source::Case(case) => vec![case],
        Source::Card(card) => {
            let shown: Vec<TicketId> = store::of_ticket(tx.conn(), ticket).await?.iter().map(|s| s.case).collect();
            let cards = knowledge::queries::cards_of(tx.conn(), &shown).await?;
            shown.into_iter().filter(|case| cards.get(case) == Some(&card)).collect()
        }
    };
    for case in cases {
        store::answer(tx.conn(), ticket, case, &answer).await?;
    }
    Ok(())
}

/// The first half of suggesting: whose ticket it is; the cases are looked up outside any transaction.
pub async fn prepare_suggesting(tx: &mut Tx, job: &Job) -> Result<Prepared> {
    let done = Ok(Prepared::Ended(Next::Done));
    let id: TicketId = job.subject.parse().map_err(Error::internal)?;
    let Some(ticket) = tickets::queries::by_ids(tx.conn(), &[id]).await?.remove(&id) else { return done };
    if ticket.assignee.is_none() || ticket.status.is_solved() {
        return done;
    }
    let cx = tx.cx.clone();
    let found = async move {
        match queries::for_assignee(&cx, &ticket).await {
            Ok(cases) => {
                let found: Vec<_> = cases.iter().map(|case| json!([case.view.ticket.id, case.score])).collect();
                Outcome::Found(found.into())
            }
            Err(error) => Outcome::Refused { why: error.to_string() },
        }
    };
    Ok(Prepared::Send(found.boxed()))
}

/// The second half: what was shown is kept, so that it is known what people made of it.
pub async fn settle_suggesting(tx: &mut Tx, job: &Job, outcome: Outcome) -> Result<Next> {
    let ticket: TicketId = job.subject.parse().map_err(Error::internal)?;
    let found: Vec<(TicketId, f32)> = match outcome {
        Outcome::Found(found) => serde_json::from_value(found).map_err(Error::internal)?,
        other => return Err(Error::internal(format!("no cases for {ticket}: {other:?}"))),
    };
    let at = tx.now;
    let shown = found.into_iter().zip(1..).map(|((case, score), place)| Suggestion {
        ticket,
        case,
        place: Some(place),
        score: Some(score),
        state: SuggestionState::Shown,
        shown_at: Some(at),
        settled_at: None,
        reason: None,
    });
    store::show(tx.conn(), ticket, shown.collect()).await?;
    Ok(Next::Done)
}
