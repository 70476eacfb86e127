//! Citing, and what is done with cards.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use domain::kernel::CardId;
use domain::knowledge;
use domain::knowledge::model::{CiteSolution, EditCard, PublishCard, RetireCard, ReviewCard};

use super::super::Caller;
use super::super::error::{OrTopLevel as _, UserError, settle};
use super::super::inputs::id;
use super::super::ticket::TicketNode;
use super::{CardNode, CitationNode};

/// What is cited into which ticket.
#[derive(InputObject)]
pub struct CiteSolutionInput {
    /// The ticket into which the solution is copied.
    ticket_id: ID,
    /// The resolved ticket that is cited; give this or `cardId`.
    case_id: Option<ID>,
    /// The card that is cited; give this or `caseId`.
    card_id: Option<ID>,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

/// What citing came to.
#[derive(SimpleObject)]
pub struct CiteSolutionPayload {
    /// The citation; the one that stands where the ticket cites this already.
    citation: Option<CitationNode>,
    /// The ticket with it.
    ticket: Option<TicketNode>,
    /// Why nothing was cited; empty where it was.
    user_errors: Vec<UserError>,
}

/// The card whose text is vouched for.
#[derive(InputObject)]
pub struct ReviewCardInput {
    /// The card.
    card_id: ID,
    /// The version that was read; another one is a VERSION_CONFLICT.
    expected_version: Option<i32>,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

/// The card that is published.
#[derive(InputObject)]
pub struct PublishCardInput {
    /// The card.
    card_id: ID,
    /// The version that was read; another one is a VERSION_CONFLICT.
    expected_version: Option<i32>,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

/// The card that is taken out of use.
#[derive(InputObject)]
pub struct RetireCardInput {
    /// The card.
    card_id: ID,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

/// What of a card's text changes; what is not given stays.
#[derive(InputObject)]
pub struct EditCardInput {
    /// The card.
    card_id: ID,
    /// The version that was read; another one is a VERSION_CONFLICT.
    expected_version: Option<i32>,
    /// The problem in one line.
    title: Option<String>,
    /// Where it applies; empty: what its cause and product say.
    applies_to: Option<String>,
    /// How it is solved.
    solution: Option<String>,
    /// The given texts are the editor's own, and nothing is left in them of a case that has become confidential: only so an
    /// administrator makes a card readable again.
    #[graphql(default)]
    own_words: bool,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

/// What a change of a card came to.
#[derive(SimpleObject)]
pub struct ReviewCardPayload {
    /// The card as it is now.
    card: Option<CardNode>,
    /// Why nothing changed; empty where it did.
    user_errors: Vec<UserError>,
}

/// What a change of a card came to.
#[derive(SimpleObject)]
pub struct PublishCardPayload {
    /// The card as it is now.
    card: Option<CardNode>,
    /// Why nothing changed; empty where it did.
    user_errors: Vec<UserError>,
}

/// What a change of a card came to.
#[derive(SimpleObject)]
pub struct RetireCardPayload {
    /// The card as it is now.
    card: Option<CardNode>,
    /// Why nothing changed; empty where it did.
    user_errors: Vec<UserError>,
}

/// What a change of a card came to.
#[derive(SimpleObject)]
pub struct EditCardPayload {
    /// The card as it is now.
    card: Option<CardNode>,
    /// Why nothing changed; empty where it did.
    user_errors: Vec<UserError>,
}

/// Runs a command of a card, and reads the card anew.
async fn changed<C: domain::runtime::Command<Output = CardId>>(
    ctx: &Context<'_>,
    command: Result<C, domain::kernel::Error>,
    once: Option<String>,
) -> async_graphql::Result<(Option<CardNode>, Vec<UserError>)> {
    let cx = &ctx.data_unchecked::<Caller>().cx;
    let outcome = match command {
        Ok(command) => cx.execute(&command, once.as_deref()).await,
        Err(error) => Err(error),
    };
    let (card, user_errors) = settle(ctx, outcome)?;
    let card = match card {
        Some(card) => knowledge::queries::by_ids(cx, &[card]).await.or_top_level(ctx)?.remove(&card),
        None => None,
    };
    Ok((card.map(CardNode), user_errors))
}

/// Mutations of knowledge.
#[derive(Default)]
pub struct KnowledgeMutation;

#[Object]
impl KnowledgeMutation {
    /// Copies the solution of a case or a card into a ticket; counts as reuse, once per ticket.
    async fn cite_solution(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is cited, and where.")] input: CiteSolutionInput,
    ) -> async_graphql::Result<CiteSolutionPayload> {
        let CiteSolutionInput { ticket_id, case_id, card_id, idempotency_key } = input;
        let command = || {
            Ok::<_, domain::kernel::Error>(CiteSolution {
                ticket: id("ticketId", &ticket_id)?,
                case: case_id.as_ref().map(|given| id("caseId", given)).transpose()?,
                card: card_id.as_ref().map(|given| id("cardId", given)).transpose()?,
            })
        };
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let command = command();
        let ticket = command.as_ref().ok().map(|command| command.ticket);
        let outcome = match command {
            Ok(command) => cx.execute(&command, idempotency_key.as_deref()).await,
            Err(error) => Err(error),
        };
        let (cited, user_errors) = settle(ctx, outcome)?;
        let (Some(cited), Some(ticket)) = (cited, ticket) else {
            return Ok(CiteSolutionPayload { citation: None, ticket: None, user_errors });
        };
        let citation = knowledge::queries::citation(cx, cited).await.or_top_level(ctx)?.map(CitationNode);
        let mut views = domain::tickets::queries::views_by_id(cx, vec![ticket]).await.or_top_level(ctx)?;
        Ok(CiteSolutionPayload { citation, ticket: views.remove(&ticket).map(TicketNode), user_errors })
    }

    /// Vouches for the text of a draft; for supervisors, administrators, and product managers for their products.
    async fn review_card(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The card.")] input: ReviewCardInput,
    ) -> async_graphql::Result<ReviewCardPayload> {
        let ReviewCardInput { card_id, expected_version, idempotency_key } = input;
        let command = id("cardId", &card_id).map(|card| ReviewCard { card, expected_version });
        let (card, user_errors) = changed(ctx, command, idempotency_key).await?;
        Ok(ReviewCardPayload { card, user_errors })
    }

    /// Publishes a card; whoever publishes a draft vouches for its text. For supervisors, administrators, and product managers for
    /// their products.
    async fn publish_card(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The card.")] input: PublishCardInput,
    ) -> async_graphql::Result<PublishCardPayload> {
        let PublishCardInput { card_id, expected_version, idempotency_key } = input;
        let command = id("cardId", &card_id).map(|card| PublishCard { card, expected_version });
        let (card, user_errors) = changed(ctx, command, idempotency_key).await?;
        Ok(PublishCardPayload { card, user_errors })
    }

    /// Takes a card out of use: it is cited no more. For supervisors, administrators, and product managers for their products.
    async fn retire_card(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The card.")] input: RetireCardInput,
    ) -> async_graphql::Result<RetireCardPayload> {
        let RetireCardInput { card_id, idempotency_key } = input;
        let command = id("cardId", &card_id).map(|card| RetireCard { card });
        let (card, user_errors) = changed(ctx, command, idempotency_key).await?;
        Ok(RetireCardPayload { card, user_errors })
    }

    /// Changes a card's text, as a new version. Any of the staff improves a draft; a reviewed one becomes a draft again; what is
    /// published is changed by those who may publish.
    async fn edit_card(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The card and its texts.")] input: EditCardInput,
    ) -> async_graphql::Result<EditCardPayload> {
        let EditCardInput { card_id, expected_version, title, applies_to, solution, own_words, idempotency_key } =
            input;
        let command = id("cardId", &card_id).map(|card| EditCard {
            card,
            expected_version,
            title,
            applies_to,
            solution,
            own_words,
        });
        let (card, user_errors) = changed(ctx, command, idempotency_key).await?;
        Ok(EditCardPayload { card, user_errors })
    }
}
