//! How content the asking side is.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use domain::kernel::{Error, TicketId};
use domain::runtime::Command;
use domain::satisfaction;
use domain::satisfaction::model::{Answer, AnswerSurvey, RateTicket, Survey};

use super::Caller;
use super::error::{OrTopLevel as _, UserError, settle};
use super::inputs::id;
use super::nodes::{UserNode, somebody};
use super::scalars::{DateTime, int};
use super::ticket::TicketNode;

/// What the asking side says of how a ticket was served.
pub struct RatingNode(pub Survey);

#[Object(name = "Rating")]
impl RatingNode {
    /// 1 (worst) to 5 (best); null where nobody has answered yet.
    async fn score(&self) -> Option<i32> {
        self.0.answer.as_ref().map(|answer| answer.score)
    }

    /// What they add.
    async fn comment(&self) -> Option<&str> {
        self.0.answer.as_ref().and_then(|answer| answer.comment.as_deref())
    }

    /// Who answered last.
    async fn by(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        match &self.0.answer {
            Some(Answer { by, .. }) => somebody(ctx, *by).await.map(Some),
            None => Ok(None),
        }
    }

    /// When they answered last.
    async fn at(&self) -> Option<DateTime> {
        self.0.answer.as_ref().map(|answer| answer.at.into())
    }

    /// When they were asked; null where they answered by themselves.
    async fn asked_at(&self) -> Option<DateTime> {
        self.0.asked.map(|(_, at)| at.into())
    }
}

/// What the link of a survey is about.
#[derive(SimpleObject)]
pub struct SurveyInvitation {
    /// The ticket's number.
    number: i32,
    /// The ticket's title.
    title: String,
    /// What was answered, if anything was.
    score: Option<i32>,
}

/// Queries of satisfaction.
#[derive(Default)]
pub struct SatisfactionQuery;

#[Object]
impl SatisfactionQuery {
    /// What the link of a survey is about; whoever has the link may ask. Nothing is answered by asking.
    async fn survey(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token in the link.")] token: String,
    ) -> async_graphql::Result<SurveyInvitation> {
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let invited = satisfaction::queries::invited(cx, &token).await.or_top_level(ctx)?;
        let (ticket, survey) = invited.ok_or_else(Error::not_found).or_top_level(ctx)?;
        let score = survey.answer.map(|answer| answer.score);
        Ok(SurveyInvitation { number: int(ticket.number), title: ticket.title, score })
    }
}

/// How content somebody is with a ticket.
#[derive(InputObject)]
pub struct RateTicketInput {
    /// The ticket.
    ticket_id: ID,
    /// 1 (worst) to 5 (best).
    score: i32,
    /// What they add.
    comment: Option<String>,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

/// What a rating came to.
#[derive(SimpleObject)]
pub struct RateTicketPayload {
    /// The ticket with its rating.
    ticket: Option<TicketNode>,
    /// Why nothing was kept; empty where it was.
    user_errors: Vec<UserError>,
}

/// How content somebody is who has the link of a survey.
#[derive(InputObject)]
pub struct AnswerSurveyInput {
    /// The token in the link.
    token: String,
    /// 1 (worst) to 5 (best).
    score: i32,
    /// What they add.
    comment: Option<String>,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

/// What an answer came to.
#[derive(SimpleObject)]
pub struct AnswerSurveyPayload {
    /// What is kept; null where nothing was.
    score: Option<i32>,
    /// Why nothing was kept; empty where it was.
    user_errors: Vec<UserError>,
}

/// Mutations of satisfaction.
#[derive(Default)]
pub struct SatisfactionMutation;

async fn run<C: Command<Output = TicketId>>(
    ctx: &Context<'_>,
    command: Result<C, Error>,
    once: Option<String>,
) -> async_graphql::Result<(Option<TicketId>, Vec<UserError>)> {
    let cx = &ctx.data_unchecked::<Caller>().cx;
    let outcome = match command {
        Ok(command) => cx.execute(&command, once.as_deref()).await,
        Err(error) => Err(error),
    };
    settle(ctx, outcome)
}

#[Object]
impl SatisfactionMutation {
    /// Says how content the asking side is with a resolved or closed ticket; the last answer counts.
    async fn rate_ticket(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ticket and the score.")] input: RateTicketInput,
    ) -> async_graphql::Result<RateTicketPayload> {
        let RateTicketInput { ticket_id, score, comment, idempotency_key } = input;
        let command = id("ticketId", &ticket_id).map(|ticket| RateTicket { ticket, score, comment });
        let (rated, user_errors) = run(ctx, command, idempotency_key).await?;
        let Some(ticket) = rated else { return Ok(RateTicketPayload { ticket: None, user_errors }) };
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let mut views = domain::tickets::queries::views_by_id(cx, vec![ticket]).await.or_top_level(ctx)?;
        Ok(RateTicketPayload { ticket: views.remove(&ticket).map(TicketNode), user_errors })
    }

    /// The same, by the link of a survey: for 30 days after its recipient was asked, without signing in.
    async fn answer_survey(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The link's token and the score.")] input: AnswerSurveyInput,
    ) -> async_graphql::Result<AnswerSurveyPayload> {
        let AnswerSurveyInput { token, score, comment, idempotency_key } = input;
        let (rated, user_errors) = run(ctx, Ok(AnswerSurvey { token, score, comment }), idempotency_key).await?;
        Ok(AnswerSurveyPayload { score: rated.map(|_| score), user_errors })
    }
}
