//! Mutations of citations and knowledge cards.

use async_graphql::{Context, ID, MergedObject, Object};
use domain::kernel::CardId;
use domain::knowledge;
use domain::knowledge::model::{CiteSolution, CreateCard, EditCard, PublishCard, RetireCard, ReviewCard};

use super::super::error::OrTopLevel as _;
use super::super::execute::{execute, mutations};
use super::super::guard::cx;
use super::super::inputs::{id, optional_id};
use super::super::scalars::{FaultType, RootCauseLevel};
use super::super::ticket::{TicketNode, ticket};
use super::{CardNode, CitationNode};

mutations! {
    /// The case or card to cite, and the ticket to copy its solution into.
    CiteSolutionInput {
        /// The ticket into which the solution is copied.
        ticket_id: ID,
        /// The resolved ticket that is cited; give this or `cardId`.
        case_id: Option<ID>,
        /// The card that is cited; give this or `caseId`.
        card_id: Option<ID>,
    } => CiteSolutionPayload {
        /// The citation; if the ticket already cites this source, the existing one.
        citation: Option<CitationNode>,
        /// The ticket after the mutation; null if it was refused.
        ticket: Option<TicketNode>,
    }
}

mutations! {
    /// A knowledge card in the author's own words.
    CreateCardInput {
        /// The problem in one line (title).
        title: String,
        /// The symptom, and where the solution applies; left out or empty: derived from the cause and product.
        applies_to: Option<String>,
        /// The solution: the steps, in order.
        solution: String,
        /// What kind of fault it is.
        fault_type: FaultType,
        /// The level of the root cause: user error, environment or design defect.
        root_cause_level: RootCauseLevel,
        /// Key of the cause tag.
        cause_tag: Option<String>,
        /// Key of the product.
        product: Option<String>,
        /// Keys of solution tags, 1 to 20.
        solution_tags: Vec<String>,
    } => CreateCardPayload {
        /// The card, a draft; null if it was refused.
        card: Option<CardNode>,
    }
}

mutations! {
    /// Mutations of knowledge cards.
    pub struct CardMutation;

    input {
        /// The card.
        card_id: ID,
    }
    payload {
        /// The card after the mutation; null if it was refused.
        card: Option<CardNode> = card,
    }

    /// Approves the text of a draft card; for supervisors, administrators, and product managers for their products.
    review_card("The card.")
    /// The card whose text is approved.
    ReviewCardInput {
        /// The version that the caller last read; refused with VERSION_CONFLICT if it has changed since.
        expected_version: Option<i32>,
    } => ReviewCard { card: id("cardId", &card_id)?, expected_version } => ReviewCardPayload {}

    /// Publishes a knowledge card; publishing a draft also approves its text. For supervisors, administrators, and
    /// product managers for their products.
    publish_card("The card.")
    /// The card to publish.
    PublishCardInput {
        /// The version that the caller last read; refused with VERSION_CONFLICT if it has changed since.
        expected_version: Option<i32>,
    } => PublishCard { card: id("cardId", &card_id)?, expected_version } => PublishCardPayload {}

    /// Retires a knowledge card: it can no longer be cited. For supervisors, administrators, and product managers for
    /// their products.
    retire_card("The card.")
    /// The card to retire.
    RetireCardInput {} => RetireCard { card: id("cardId", &card_id)? } => RetireCardPayload {}

    /// Changes the text of a knowledge card, as a new version. All staff may edit a draft; editing a reviewed card
    /// turns it back into a draft; a published card can be changed only by those who may publish it.
    edit_card("The card and its new texts.")
    /// Changes to the text of a knowledge card; fields that are not given stay unchanged.
    EditCardInput {
        /// The version that the caller last read; refused with VERSION_CONFLICT if it has changed since.
        expected_version: Option<i32>,
        /// The problem in one line (title).
        title: Option<String>,
        /// Where the solution applies; empty: derived from the cause and product.
        applies_to: Option<String>,
        /// The solution.
        solution: Option<String>,
        /// Confirms that the given texts are the editor's own and contain nothing of a case that has become confidential.
        /// Only then does an administrator's edit make a withheld card readable again.
        #[graphql(default)]
        own_words: bool,
    } => EditCard {
        card: id("cardId", &card_id)?,
        expected_version,
        title,
        applies_to,
        solution,
        own_words,
    } => EditCardPayload {}
}

/// The card after a mutation.
async fn card(ctx: &Context<'_>, id: Option<CardId>) -> async_graphql::Result<Option<CardNode>> {
    let Some(id) = id else { return Ok(None) };
    let cx = cx(ctx);
    Ok(knowledge::queries::by_ids(cx, &[id]).await.or_top_level(ctx)?.remove(&id).map(CardNode))
}

/// Mutations of knowledge.
#[derive(MergedObject, Default)]
pub struct KnowledgeMutation(CitationMutation, CardCreationMutation, CardMutation);

/// Mutations of citations.
#[derive(Default)]
pub struct CitationMutation;

#[Object]
impl CitationMutation {
    /// Copies the solution of a case or card into a ticket; counts as reuse, once per ticket.
    async fn cite_solution(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The source and the ticket.")] input: CiteSolutionInput,
    ) -> async_graphql::Result<CiteSolutionPayload> {
        let CiteSolutionInput { ticket_id, case_id, card_id, idempotency_key } = input;
        let (cited, user_errors) = execute(ctx, idempotency_key, || {
            Ok(CiteSolution {
                ticket: id("ticketId", &ticket_id)?,
                case: optional_id("caseId", case_id.as_ref())?,
                card: optional_id("cardId", card_id.as_ref())?,
            })
        })
        .await?;
        let Some(cited) = cited else {
            return Ok(CiteSolutionPayload { citation: None, ticket: None, user_errors });
        };
        let cx = cx(ctx);
        let citation = knowledge::queries::citation(cx, cited).await.or_top_level(ctx)?.map(CitationNode);
        let ticket = ticket(ctx, id("ticketId", &ticket_id).ok()).await?;
        Ok(CiteSolutionPayload { citation, ticket, user_errors })
    }
}

/// Mutations that create cards.
#[derive(Default)]
pub struct CardCreationMutation;

#[Object]
impl CardCreationMutation {
    /// Writes a knowledge card by hand, as a draft; for staff, and for product managers for their products. Resolved tickets
    /// with the same cause and solution tags join it. Refused with ALREADY_EXISTS if there is a card for them.
    async fn create_card(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The texts, cause and tags of the card.")] input: CreateCardInput,
    ) -> async_graphql::Result<CreateCardPayload> {
        let CreateCardInput {
            title,
            applies_to,
            solution,
            fault_type,
            root_cause_level,
            cause_tag,
            product,
            solution_tags,
            idempotency_key,
        } = input;
        let (created, user_errors) = execute(ctx, idempotency_key, || {
            Ok(CreateCard {
                title,
                applies_to,
                solution,
                fault_type: fault_type.into(),
                root_cause_level: root_cause_level.into(),
                cause_tag,
                product,
                solution_tags,
            })
        })
        .await?;
        Ok(CreateCardPayload { card: card(ctx, created).await?, user_errors })
    }
}
