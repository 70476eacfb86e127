//! Answers surveys.

use super::model::{Answer, AnswerSurvey, RateByLink, RateTicket, SCORE_MAX, SurveyFact};
use super::{queries, store};
use crate::kernel::text::{BODY_CHARS_MAX, body};
use crate::kernel::{Actor, Code, Error, Refusal, Result, TicketId, UserId, boxed, refuse};
use crate::msg;
use crate::people;
use crate::runtime::{Command, Ctx, Tx};
use crate::tickets;
use crate::tickets::decide::lifecycle::text_digest;
use crate::tickets::model::Action;

async fn rate(tx: &mut Tx, ticket: TicketId, by: UserId, score: i32, comment: Option<&str>) -> Result<TicketId> {
    if !(1..=SCORE_MAX).contains(&score) {
        return Err(refuse(Code::Invalid, "score", msg!("satisfaction-score-out-of-range", max = SCORE_MAX)).into());
    }
    let comment = comment.map(str::trim).filter(|comment| !comment.is_empty());
    let comment = comment.map(|comment| body("comment", comment, BODY_CHARS_MAX)).transpose()?;
    let fact = SurveyFact::Rated { score, text_digest: comment.as_deref().map(text_digest) };
    tickets::commands::perform_action(tx, ticket, Action::Rate, fact.into()).await?;
    // A new score without a comment keeps the same person's earlier comment.
    let before = store::of(tx.conn(), ticket).await?.and_then(|survey| survey.answer).filter(|before| before.by == by);
    let comment = comment.or(before.and_then(|before| before.comment));
    store::answer(tx.conn(), ticket, &Answer { score, comment, by, at: tx.now }).await?;
    Ok(ticket)
}

impl Command for RateTicket {
    const NAME: &'static str = "rateTicket";
    type Output = TicketId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let by = tx.actor().user_id().ok_or_else(Error::unauthenticated)?;
        rate(tx, self.ticket, by, self.score, self.comment.as_deref()).await
    }
}

impl Command for RateByLink {
    const NAME: &'static str = "rateByLink";
    type Output = TicketId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let Self { link, score, comment } = self;
        let rate = |ticket| RateTicket { ticket, score: *score, comment: comment.clone() };
        tickets::commands::run_as_holder(tx, link, rate).await
    }
}

impl Command for AnswerSurvey {
    const NAME: &'static str = "answerSurvey";
    type Output = TicketId;

    /// Runs as the recipient of the survey; the token permits nothing else.
    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let invalid_token = || -> Refusal { refuse(Code::TokenInvalid, "token", msg!("satisfaction-link-invalid")) };
        let invitation = queries::invitation(tx.app(), tx.conn(), &self.token, tx.now).await?;
        let (ticket, recipient) = invitation.ok_or_else(invalid_token)?;
        let person = people::queries::person(tx.app(), recipient).await?.ok_or_else(invalid_token)?;
        let actor = Actor::Person(person.into());
        let as_recipient = Ctx { actor, ..tx.cx.clone() };
        let original = std::mem::replace(&mut tx.cx, as_recipient);
        let rated = rate(tx, ticket, recipient, self.score, self.comment.as_deref()).await;
        tx.cx = original;
        rated
    }
}
