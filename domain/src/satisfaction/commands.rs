//! Answering.

use super::model::{Answer, AnswerSurvey, RateTicket, SCORE_MAX};
use super::{queries, store};
use crate::kernel::text::{BODY_CHARS_MAX, body};
use crate::kernel::{Actor, Code, Error, Refusal, Result, TicketId, UserId, refuse};
use crate::people;
use crate::runtime::{Command, Ctx, Tx};
use crate::tickets;
use crate::tickets::decide::lifecycle::text_digest;
use crate::tickets::model::{Action, Fact};

async fn rate(tx: &mut Tx, ticket: TicketId, by: UserId, score: i32, comment: Option<&str>) -> Result<TicketId> {
    if !(1..=SCORE_MAX).contains(&score) {
        return Err(refuse(
            Code::Invalid,
            "score",
            format!("score is 1 (worst) to {SCORE_MAX} (best)."),
            format!("score 为 1（最差）至 {SCORE_MAX}（最好）。"),
        )
        .into());
    }
    let comment = comment.map(str::trim).filter(|comment| !comment.is_empty());
    let comment = comment.map(|comment| body("comment", comment, BODY_CHARS_MAX)).transpose()?;
    let fact = Fact::Rated { score, text_digest: comment.as_deref().map(text_digest) };
    tickets::commands::act(tx, ticket, Action::Rate, fact).await?;
    // Other stars are no reason to lose what the same person wrote.
    let before = store::of(tx.conn(), ticket).await?.and_then(|survey| survey.answer).filter(|before| before.by == by);
    let comment = comment.or(before.and_then(|before| before.comment));
    store::answer(tx.conn(), ticket, &Answer { score, comment, by, at: tx.now }).await?;
    Ok(ticket)
}

impl Command for RateTicket {
    const NAME: &'static str = "rateTicket";
    type Output = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let by = tx.actor().user_id().ok_or_else(Error::unauthenticated)?;
        rate(tx, self.ticket, by, self.score, self.comment.as_deref()).await
    }
}

impl Command for AnswerSurvey {
    const NAME: &'static str = "answerSurvey";
    type Output = TicketId;

    /// As the person who was asked; the link is all that they may do with it.
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let refused = || -> Refusal {
            refuse(
                Code::TokenInvalid,
                "token",
                "This link is wrong or too old: sign in and rate the ticket there.",
                "该链接无效或已过期，请登录后在工单页评价。",
            )
        };
        let invited = queries::invitation(tx.app(), tx.conn(), &self.token, tx.now).await?;
        let (ticket, recipient) = invited.ok_or_else(refused)?;
        let person = people::queries::person(tx.app(), recipient).await?.ok_or_else(refused)?;
        let actor = Actor::Person(person.into());
        let as_them = Ctx { actor, ..tx.cx.clone() };
        let before = std::mem::replace(&mut tx.cx, as_them);
        let rated = rate(tx, ticket, recipient, self.score, self.comment.as_deref()).await;
        tx.cx = before;
        rated
    }
}
