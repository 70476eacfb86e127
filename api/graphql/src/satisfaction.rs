//! Satisfaction ratings and surveys.

use async_graphql::{Context, ID, MergedObject, Object, SimpleObject};
use domain::kernel::Error;
use domain::satisfaction;
use domain::satisfaction::model::{AnswerSurvey, RateTicket};

use super::error::{OrTopLevel as _, payload_parts};
use super::execute::mutations;
use super::guard::cx;
use super::inputs::id;
use super::scalars::int;
use super::ticket::{TicketNode, ticket};

/// The ticket that a survey link is about.
#[derive(SimpleObject)]
pub struct SurveyInvitation {
    /// The ticket's number.
    number: i32,
    /// The ticket's title.
    title: String,
    /// The score given so far; null if there is none.
    score: Option<i32>,
}

/// Queries of satisfaction.
#[derive(Default)]
pub struct SatisfactionQuery;

#[Object]
impl SatisfactionQuery {
    /// The ticket that a survey link is about; anybody with the link may query it. Querying does not answer the survey.
    async fn survey(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token from the survey link.")] token: String,
    ) -> async_graphql::Result<SurveyInvitation> {
        let cx = cx(ctx);
        let invited = satisfaction::queries::survey_by_token(cx, &token).await.or_top_level(ctx)?;
        let (ticket, survey) = invited.ok_or_else(Error::not_found).or_top_level(ctx)?;
        let score = survey.answer.map(|answer| answer.score);
        Ok(SurveyInvitation { number: int(ticket.number), title: ticket.request.title, score })
    }
}

/// Mutations of satisfaction.
#[derive(MergedObject, Default)]
pub struct SatisfactionMutation(RatingMutation, SurveyMutation);

mutations! {
    /// Mutations of ratings.
    pub struct RatingMutation;

    /// Rates a resolved or closed ticket on the requester's side; the last rating counts.
    rate_ticket("The ticket and the score.")
    /// A satisfaction rating of a ticket.
    RateTicketInput {
        /// The ticket.
        ticket_id: ID,
        /// The score: 1 (worst) to 5 (best).
        score: i32,
        /// An optional comment.
        comment: Option<String>,
    } => RateTicket { ticket: id("ticketId", &ticket_id)?, score, comment } => RateTicketPayload {
        /// The ticket with its rating; null if the mutation was refused.
        ticket: Option<TicketNode> = ticket,
    }
}

mutations! {
    /// A satisfaction rating given through a survey link.
    AnswerSurveyInput {
        /// The token from the survey link.
        token: String,
        /// The score: 1 (worst) to 5 (best).
        score: i32,
        /// An optional comment.
        comment: Option<String>,
    } => AnswerSurveyPayload {
        /// The stored score; null if the mutation was refused.
        score: Option<i32>,
    }
}

/// Mutations of surveys.
#[derive(Default)]
pub struct SurveyMutation;

#[Object]
impl SurveyMutation {
    /// Rates a ticket through a survey link, without signing in; possible for 30 days after the survey was sent.
    async fn answer_survey(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token and the score.")] input: AnswerSurveyInput,
    ) -> async_graphql::Result<AnswerSurveyPayload> {
        let AnswerSurveyInput { token, score, comment, idempotency_key } = input;
        // The token takes the place of signing in.
        let cx = cx(ctx);
        let command = AnswerSurvey { token, score, comment };
        let (rated, user_errors) = payload_parts(ctx, cx.execute(&command, idempotency_key.as_deref()).await)?;
        Ok(AnswerSurveyPayload { score: rated.map(|_| score), user_errors })
    }
}
