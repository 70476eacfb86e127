//! Knowledge: cards of recurring problems, citations, and the survival of solutions.

mod mutation;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject, Union};
use domain::catalogue;
use domain::catalogue::model::Kind;
use domain::knowledge;
use domain::knowledge::decide::cause_label;
use domain::knowledge::model::{
    CardCase, CardFilter, CardOrder, CardVersion, ReuseStats, SURVIVAL_DAYS, Source, Survival,
};
use domain::knowledge::queries::{RankedCard, VisibleCitation};
use domain::tickets::model as tickets;
use graphql_macros::paged;

pub use self::mutation::KnowledgeMutation;
use super::enums::KnowledgeCardState;
use super::error::OrTopLevel as _;
use super::guard::{Caller, cx};
use super::loaders::Loaders;
use super::paging::{PageArgs, Relay, relay, rows};
use super::people::{UserNode, existing_user, user};
use super::scalars::{DateTime, FaultType, RootCauseLevel};
use super::ticket::TicketNode;
use domain::msg;

/// A knowledge card.
pub struct CardNode(pub RankedCard);

/// A knowledge card: a recurring problem and its solution, extracted from tickets with the same cause and the same
/// solution tags.
#[paged]
#[Object(name = "KnowledgeCard")]
impl CardNode {
    /// Globally unique id.
    pub async fn id(&self) -> ID {
        self.0.card.id.to_string().into()
    }

    /// The problem in one line (title).
    async fn title(&self) -> &str {
        &self.0.card.text.title
    }

    /// Where the solution applies: as written by an editor, else derived from the cause and product.
    async fn applies_to(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        match &self.0.card.text.applies_to {
            Some(text) => Ok(text.clone()),
            None => {
                let signature = &self.0.card.signature;
                let (product, tag) = (signature.product.as_deref(), signature.cause_tag.as_deref());
                applies_to(ctx, product, signature.fault_type, signature.root_cause_level, tag).await
            }
        }
    }

    /// The solution.
    async fn solution(&self) -> &str {
        &self.0.card.text.solution
    }

    /// The state of the card.
    async fn state(&self) -> KnowledgeCardState {
        self.0.card.state.into()
    }

    /// Whether its text comes from a ticket that has since become confidential: only administrators can read it until
    /// it is rewritten with `ownWords`.
    async fn withheld(&self) -> bool {
        self.0.card.withheld
    }

    /// The version of its text, from 1; pass it as `expectedVersion`.
    async fn version(&self) -> i32 {
        self.0.card.version
    }

    /// What kind of fault it is.
    async fn fault_type(&self) -> FaultType {
        self.0.card.signature.fault_type.into()
    }

    /// The level of the root cause: user error, environment or design defect.
    async fn root_cause_level(&self) -> RootCauseLevel {
        self.0.card.signature.root_cause_level.into()
    }

    /// Key of the cause tag; null if none.
    async fn cause_tag(&self) -> Option<&str> {
        self.0.card.signature.cause_tag.as_deref()
    }

    /// Key of the product; null if none.
    async fn product(&self) -> Option<&str> {
        self.0.card.signature.product.as_deref()
    }

    /// Keys of the solution tags, sorted.
    async fn solution_tags(&self) -> &[String] {
        &self.0.card.signature.solution_tags
    }

    /// The number of its cases that still count: resolved, with this cause and these solution tags.
    async fn case_count(&self) -> i32 {
        count(self.0.cases)
    }

    /// Its cases as snapshots of the time they joined, newest first; only those that the viewer may read.
    #[graphql(complexity = "rows(first, last) * child_complexity + 5")]
    async fn cases(&self, ctx: &Context<'_>, page: PageArgs) -> async_graphql::Result<Relay<CardCaseNode>> {
        let page = page.checked(ctx)?;
        let cx = cx(ctx);
        let cases = knowledge::queries::cases(cx, self.0.card.id, &page).await.or_top_level(ctx)?;
        let ids = cases.edges.iter().map(|edge| edge.node.ticket).collect();
        let views =
            ctx.data_unchecked::<Loaders>().load_many::<domain::kernel::TicketId>(ids).await.or_top_level(ctx)?;
        let mut connection = relay(cases, |case| CardCaseNode { view: views.get(&case.ticket).cloned(), case });
        // A ticket that the viewer may no longer read as a case is left out.
        connection.edges.retain(|edge| edge.node.view.is_some());
        Ok(connection)
    }

    /// The number of tickets that cite the card or one of its cases.
    async fn citation_count(&self) -> i32 {
        count(self.0.reuse.citing)
    }

    /// The share of citing tickets that stayed resolved, after 7, 30 and 90 days.
    async fn survival(&self) -> Vec<SolutionSurvival> {
        survival(&self.0.reuse)
    }

    /// How reliable the solution is, in 0..1: the Wilson lower bound (95 %) of its survival over the longest period
    /// with enough data. Lists start with the highest.
    async fn rank(&self) -> f64 {
        self.0.reuse.rank()
    }

    /// When the card was created.
    async fn extracted_at(&self) -> DateTime {
        self.0.card.extracted_at.into()
    }

    /// When its text was last approved; null if it was not.
    async fn reviewed_at(&self) -> Option<DateTime> {
        self.0.card.reviewed.map(|(_, at)| at.into())
    }

    /// Who approved its text; null if nobody did.
    async fn reviewed_by(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        user(ctx, self.0.card.reviewed.map(|(by, _)| by)).await
    }

    /// When it was published; null if it was not.
    async fn published_at(&self) -> Option<DateTime> {
        self.0.card.published.map(|(_, at)| at.into())
    }

    /// Who published it; null if nobody did.
    async fn published_by(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        user(ctx, self.0.card.published.map(|(by, _)| by)).await
    }

    /// When it was retired; null if it was not.
    async fn retired_at(&self) -> Option<DateTime> {
        self.0.card.retired.map(|(_, at)| at.into())
    }

    /// Who retired it; null if nobody did.
    async fn retired_by(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        user(ctx, self.0.card.retired.map(|(by, _)| by)).await
    }

    /// The versions of its text, newest first; at most 100.
    #[graphql(complexity = "5 + 5 * child_complexity")]
    async fn versions(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<CardVersionNode>> {
        let cx = cx(ctx);
        let versions = knowledge::queries::versions(cx, self.0.card.id).await.or_top_level(ctx)?;
        Ok(versions.into_iter().map(CardVersionNode).collect())
    }

    /// Whether the viewer may review, publish and retire it.
    async fn manageable(&self, ctx: &Context<'_>) -> bool {
        let actor = &cx(ctx).actor;
        knowledge::decide::manages(actor, self.0.card.signature.product.as_deref())
    }
}

fn count(n: u64) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// Where a solution applies, derived from its cause and product, in the language of the request.
pub async fn applies_to(
    ctx: &Context<'_>,
    product: Option<&str>,
    fault: tickets::FaultType,
    level: tickets::RootCauseLevel,
    tag: Option<&str>,
) -> async_graphql::Result<String> {
    let Caller { cx, language, .. } = ctx.data_unchecked::<Caller>();
    let known = catalogue::queries::cached(&cx.app).await.or_top_level(ctx)?;
    Ok(cause_label(&known, *language, product, fault, level, tag))
}

/// The name of a catalogue entry in the language of the request.
pub async fn entry_label(ctx: &Context<'_>, kind: Kind, key: &str) -> async_graphql::Result<String> {
    let Caller { cx, language, .. } = ctx.data_unchecked::<Caller>();
    let known = catalogue::queries::cached(&cx.app).await.or_top_level(ctx)?;
    Ok(known.entry_name(kind, key, *language))
}

/// Whether tickets that cite a solution stayed resolved for a number of days: not reopened, and no new ticket of the
/// same customer or device with the same fault and cause.
#[derive(SimpleObject)]
pub struct SolutionSurvival {
    /// The number of days after the resolution.
    days: i32,
    /// The number of tickets that stayed resolved.
    #[graphql(deprecation = "Use survived.")]
    held: i32,
    /// The number of tickets that stayed resolved.
    survived: i32,
    /// The number of tickets that were reopened, or whose problem came back.
    failed: i32,
    /// The number of tickets that are not resolved yet, or not for that long.
    pending: i32,
    /// The share that stayed resolved, in 0..1; null if not known.
    value: Option<f64>,
    /// The Wilson lower bound of the share at 95 % confidence; null if not known.
    lower_bound: Option<f64>,
}

#[expect(clippy::cast_precision_loss, reason = "counts of tickets")]
fn survival(reuse: &ReuseStats) -> Vec<SolutionSurvival> {
    let of = |(survival, days): (&Survival, u64)| SolutionSurvival {
        days: count(days),
        held: count(survival.survived),
        survived: count(survival.survived),
        failed: count(survival.failed),
        pending: count(survival.pending),
        value: (survival.known() > 0).then(|| survival.survived as f64 / survival.known() as f64),
        lower_bound: survival.lower_bound(),
    };
    reuse.survival.iter().zip(SURVIVAL_DAYS).map(of).collect()
}

/// A case of a card.
pub struct CardCaseNode {
    case: CardCase,
    view: Option<tickets::View>,
}

/// A ticket that belongs to a knowledge card, as a snapshot of the time it joined.
#[Object(name = "KnowledgeCardCase")]
impl CardCaseNode {
    /// The ticket as it is now.
    async fn ticket(&self) -> Option<TicketNode> {
        self.view.clone().map(TicketNode)
    }

    /// The title when it joined.
    async fn title(&self) -> &str {
        &self.case.title
    }

    /// The resolution text when it joined.
    async fn resolution(&self) -> &str {
        &self.case.resolution
    }

    /// Who resolved it.
    async fn handler(&self, ctx: &Context<'_>) -> async_graphql::Result<UserNode> {
        existing_user(ctx, self.case.handler).await
    }

    /// When it was first resolved.
    async fn resolved_at(&self) -> DateTime {
        self.case.resolved_at.into()
    }

    /// When it joined the card.
    async fn joined_at(&self) -> DateTime {
        self.case.joined_at.into()
    }

    /// Whether the ticket is still resolved with this cause and these solution tags; a reopened ticket is no longer
    /// counted.
    async fn is_counted(&self) -> bool {
        self.case.counts
    }

    /// Whether the ticket is still resolved with this cause and these solution tags; a reopened ticket no longer
    /// counts.
    #[graphql(deprecation = "Use isCounted.")]
    async fn counts(&self) -> bool {
        self.case.counts
    }
}

/// A version of a card's text.
pub struct CardVersionNode(CardVersion);

/// A version of the text of a knowledge card.
#[Object(name = "KnowledgeCardVersion")]
impl CardVersionNode {
    /// The number of the version, from 1.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// The problem in one line (title).
    async fn title(&self) -> &str {
        &self.0.text.title
    }

    /// Where the solution applies, as written by an editor; null if nobody wrote it.
    async fn applies_to(&self) -> Option<&str> {
        self.0.text.applies_to.as_deref()
    }

    /// The solution.
    async fn solution(&self) -> &str {
        &self.0.text.solution
    }

    /// Who wrote it; null if it was taken from a case automatically.
    async fn by(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        user(ctx, self.0.by).await
    }

    /// When this version was written.
    async fn at(&self) -> DateTime {
        self.0.at.into()
    }
}

/// What a solution was copied from.
#[derive(Union)]
pub enum CitationSource {
    Ticket(Box<TicketNode>),
    KnowledgeCard(Box<CardNode>),
}

/// A solution that was copied into a ticket.
pub struct CitationNode(pub VisibleCitation);

/// A solution that was copied into a ticket.
#[Object(name = "Citation")]
impl CitationNode {
    /// Globally unique id.
    async fn id(&self) -> ID {
        self.0.citation.id.to_string().into()
    }

    /// The case or card as it is now; null if the viewer may not see it.
    async fn source(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<CitationSource>> {
        let loaders = ctx.data_unchecked::<Loaders>();
        Ok(match self.0.citation.source {
            Source::Case(case) => {
                let view = loaders.load(case).await.or_top_level(ctx)?;
                view.map(|view| CitationSource::Ticket(Box::new(TicketNode(view))))
            }
            Source::Card(card) => {
                let card = loaders.load(card).await.or_top_level(ctx)?;
                card.map(|card| CitationSource::KnowledgeCard(Box::new(CardNode(card))))
            }
        })
    }

    /// The solution as it was when cited; null if the viewer may not read the ticket it was copied from.
    async fn text(&self) -> Option<&str> {
        self.0.readable.then_some(self.0.citation.text.as_str())
    }

    /// When it was cited.
    async fn at(&self) -> DateTime {
        self.0.citation.at.into()
    }

    /// Who cited it.
    async fn by(&self, ctx: &Context<'_>) -> async_graphql::Result<UserNode> {
        existing_user(ctx, self.0.citation.by).await
    }
}

/// Which cards; all given conditions must hold.
#[derive(InputObject, Clone, Debug, Default)]
pub struct KnowledgeCardFilter {
    /// One of these states.
    state: Option<Vec<KnowledgeCardState>>,
    /// One of the products with these keys.
    product: Option<Vec<String>>,
    /// One of these fault types.
    fault_type: Option<Vec<FaultType>>,
    /// Text contained in the title, in the solution or in where it applies.
    text: Option<String>,
}

/// The order of knowledge cards; always descending.
#[derive(async_graphql::Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnowledgeCardOrder {
    /// By reliability: the lower bound of their survival.
    Rank,
    /// Newest first.
    ExtractedAt,
    /// By the number of cases.
    Cases,
    /// By the number of tickets that cite them.
    Citations,
}

impl From<KnowledgeCardOrder> for CardOrder {
    fn from(order: KnowledgeCardOrder) -> Self {
        match order {
            KnowledgeCardOrder::Rank => Self::Rank,
            KnowledgeCardOrder::ExtractedAt => Self::ExtractedAt,
            KnowledgeCardOrder::Cases => Self::Cases,
            KnowledgeCardOrder::Citations => Self::Citations,
        }
    }
}

/// Maximum number of values in one filter.
const FILTER_VALUES_MAX: usize = 50;

/// Queries of knowledge.
#[derive(Default)]
pub struct KnowledgeQuery;

#[paged]
#[Object]
impl KnowledgeQuery {
    /// Knowledge cards, most reliable first; for staff, and for product managers those of their products.
    #[graphql(complexity = "rows(first, last) * child_complexity + 20")]
    async fn knowledge_cards(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which cards.")] filter: Option<KnowledgeCardFilter>,
        #[graphql(desc = "The order.")] order_by: Option<KnowledgeCardOrder>,
        page: PageArgs,
    ) -> async_graphql::Result<Relay<CardNode>> {
        let page = page.checked(ctx)?;
        let KnowledgeCardFilter { state, product, fault_type, text } = filter.unwrap_or_default();
        let products = product.unwrap_or_default();
        if products.len() > FILTER_VALUES_MAX || text.as_ref().is_some_and(|text| text.chars().count() > 200) {
            return Err(domain::kernel::Error::bad_input(msg!(
                "knowledge-filter-too-large",
                products_max = FILTER_VALUES_MAX
            )))
            .or_top_level(ctx);
        }
        let filter = CardFilter {
            states: state.unwrap_or_default().into_iter().map(Into::into).collect(),
            products,
            fault_types: fault_type.unwrap_or_default().into_iter().map(Into::into).collect(),
            text,
        };
        let cx = cx(ctx);
        let order = order_by.map(Into::into);
        Ok(relay(knowledge::queries::list(cx, &filter, order, &page).await.or_top_level(ctx)?, CardNode))
    }
}
