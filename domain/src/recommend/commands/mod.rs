//! Feedback on suggested cases, and the jobs that suggest them. See `embeddings` for encoding, `learning` for fitting weights.

mod embeddings;
mod learning;

use futures::FutureExt as _;
use serde_json::json;

pub use self::embeddings::run_encoder;
pub use self::learning::{begin_learning, complete_learning};
use super::model::{
    DISMISSED_MAX, DismissSuggestion, Feedback, RestoreSuggestion, Suggestion, SuggestionFact, SuggestionState,
};
use super::{queries, store};
use crate::kernel::{CitationId, Code, Error, Message, Result, TicketId, boxed, refuse};
use crate::knowledge;
use crate::knowledge::model::Source;
use crate::msg;
use crate::runtime::jobs::{Job, Next, SendAttempt};
use crate::runtime::ports::Outcome;
use crate::runtime::{Command, Tx};
use crate::tickets;
use crate::tickets::decide::rights;
use crate::tickets::model::Action;

/// Checks the case of an input; NOT_FOUND if the actor may not read it.
async fn check_case(tx: &Tx, ticket: TicketId, case: TicketId) -> Result<()> {
    if ticket == case {
        return Err(refuse(Code::Invalid, "caseId", msg!("recommend-case-of-itself")).into());
    }
    let found = tickets::commands::load_for_share(tx, &[case]).await?.remove(&case);
    let participants = tickets::queries::participants(tx.conn(), case).await?;
    let readable = |found: &tickets::model::Ticket| rights::access(tx.actor(), found, &participants).is_some();
    found.filter(readable).map(drop).ok_or_else(|| rights::not_found("caseId").into())
}

impl Command for DismissSuggestion {
    const NAME: &'static str = "dismissSuggestion";
    type Output = TicketId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let by = tx.actor().user_id().ok_or_else(Error::unauthenticated)?;
        let Self { ticket, case, reason } = *self;
        tickets::commands::check_action(tx, ticket, Action::Cite).await?;
        check_case(tx, ticket, case).await?;
        let before = store::suggestion(tx.conn(), ticket, case).await?;
        let feedback = Feedback { state: SuggestionState::Dismissed, by, at: tx.now, reason: Some(reason) };
        if before.as_ref().is_some_and(|before| before.state == feedback.state && before.reason == feedback.reason) {
            return Ok(ticket);
        }
        let dismissed = store::dismissed(tx.conn(), ticket).await?;
        if dismissed.len() >= DISMISSED_MAX && !dismissed.contains(&case) {
            return Err(refuse(
                Code::LimitExceeded,
                "caseId",
                msg!("recommend-dismissed-too-many", max = DISMISSED_MAX),
            )
            .into());
        }
        let fact = SuggestionFact::SuggestionDismissed { case, reason: reason.as_str().to_owned() };
        tickets::commands::perform_action(tx, ticket, Action::Cite, fact.into()).await?;
        store::save_feedback(tx.conn(), ticket, case, &feedback).await?;
        Ok(ticket)
    }
}

impl Command for RestoreSuggestion {
    const NAME: &'static str = "restoreSuggestion";
    type Output = TicketId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let by = tx.actor().user_id().ok_or_else(Error::unauthenticated)?;
        let Self { ticket, case } = *self;
        tickets::commands::check_action(tx, ticket, Action::Cite).await?;
        let before = store::suggestion(tx.conn(), ticket, case).await?;
        if before.is_none_or(|before| before.state != SuggestionState::Dismissed) {
            return Ok(ticket);
        }
        tickets::commands::perform_action(tx, ticket, Action::Cite, SuggestionFact::SuggestionRestored { case }.into())
            .await?;
        let cited = knowledge::queries::cites(tx.conn(), ticket, case).await?;
        let state = if cited { SuggestionState::Cited } else { SuggestionState::Shown };
        store::save_feedback(tx.conn(), ticket, case, &Feedback { state, by, at: tx.now, reason: None }).await?;
        Ok(ticket)
    }
}

/// A ticket cites a case, or the card of a case that was shown for it.
pub(super) async fn cited(tx: &mut Tx, ticket: TicketId, citation: CitationId) -> Result<()> {
    let source = knowledge::queries::source_of(tx.conn(), citation).await?;
    let (Some(by), Some(source)) = (tx.actor().user_id(), source) else { return Ok(()) };
    let feedback = Feedback { state: SuggestionState::Cited, by, at: tx.now, reason: None };
    let cases = match source {
        Source::Case(case) => vec![case],
        Source::Card(card) => {
            let shown: Vec<TicketId> = store::of_ticket(tx.conn(), ticket).await?.iter().map(|s| s.case).collect();
            let cards = knowledge::queries::cards_of(tx.conn(), &shown).await?;
            shown.into_iter().filter(|case| cards.get(case) == Some(&card)).collect()
        }
    };
    for case in cases {
        store::save_feedback(tx.conn(), ticket, case, &feedback).await?;
    }
    Ok(())
}

/// Begins suggesting: the cases are searched outside a transaction.
#[boxed]
pub async fn begin_suggesting(tx: &mut Tx, job: &Job) -> Result<SendAttempt> {
    let done = Ok(SendAttempt::Skip(Next::Done));
    let id: TicketId = job.subject.parse().map_err(Error::internal)?;
    let Some(ticket) = tickets::queries::by_ids(tx.conn(), &[id]).await?.remove(&id) else { return done };
    if ticket.assignment.assignee.is_none() || ticket.status.is_solved() {
        return done;
    }
    let cx = tx.cx.clone();
    let found = async move {
        match queries::for_assignee(&cx, &ticket).await {
            Ok(cases) => {
                let found: Vec<_> = cases.iter().map(|case| json!([case.view.ticket.id, case.score])).collect();
                Outcome::Completed(found.into())
            }
            Err(error) => Outcome::Rejected { why: Message::plain(error.to_string()) },
        }
    };
    Ok(SendAttempt::Send(found.boxed()))
}

/// Completes suggesting: stores what was shown, so that feedback can refer to it.
#[boxed]
pub async fn complete_suggesting(tx: &mut Tx, job: &Job, outcome: Outcome) -> Result<Next> {
    let ticket: TicketId = job.subject.parse().map_err(Error::internal)?;
    let found: Vec<(TicketId, f32)> = match outcome {
        Outcome::Completed(found) => serde_json::from_value(found).map_err(Error::internal)?,
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
