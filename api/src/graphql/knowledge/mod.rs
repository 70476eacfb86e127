//! Knowledge: cards of what recurs, citations, and how solutions have held.

mod mutation;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject, Union};
use domain::catalogue;
use domain::catalogue::model::Kind;
use domain::kernel::Page;
use domain::knowledge;
use domain::knowledge::model::{CardCase, CardFilter, CardOrder, CardVersion, Held, SURVIVAL_DAYS, Source, Standing};
use domain::knowledge::queries::{Cited, Ranked};
use domain::tickets::model as tickets;

pub use self::mutation::KnowledgeMutation;
use super::Caller;
use super::error::OrTopLevel as _;
use super::loaders::Loaders;
use super::nodes::{Relay, UserNode, relay, somebody, user};
use super::scalars::{DateTime, FaultType, RootCauseLevel};
use super::ticket::{TicketNode, rows};
use super::words::KnowledgeCardState;
use crate::report::{cause_words, entry_name};

/// What recurs, and how it is solved: made of tickets with the same cause and the same solution tags.
pub struct CardNode(pub Ranked);

#[Object(name = "KnowledgeCard")]
impl CardNode {
    /// Unique among all things.
    pub async fn id(&self) -> ID {
        self.0.card.id.to_string().into()
    }

    /// The problem in one line.
    async fn title(&self) -> &str {
        &self.0.card.text.title
    }

    /// Where it applies: in somebody's words, or what its cause and product say.
    async fn applies_to(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        match &self.0.card.text.applies_to {
            Some(said) => Ok(said.clone()),
            None => {
                let signature = &self.0.card.signature;
                let (product, tag) = (signature.product.as_deref(), signature.cause_tag.as_deref());
                applies_to(ctx, product, signature.fault_type, signature.root_cause_level, tag).await
            }
        }
    }

    /// How it is solved.
    async fn solution(&self) -> &str {
        &self.0.card.text.solution
    }

    /// Where it stands.
    async fn state(&self) -> KnowledgeCardState {
        self.0.card.state.into()
    }

    /// Whether its words are those of a ticket that has become confidential since: until somebody gives it words of their own (`ownWords`),
    /// only administrators read it.
    async fn withheld(&self) -> bool {
        self.0.card.withheld
    }

    /// Of its text, from 1; give it as `expectedVersion`.
    async fn version(&self) -> i32 {
        self.0.card.version
    }

    /// What kind of fault it is.
    async fn fault_type(&self) -> FaultType {
        self.0.card.signature.fault_type.into()
    }

    /// How deep the cause lies.
    async fn root_cause_level(&self) -> RootCauseLevel {
        self.0.card.signature.root_cause_level.into()
    }

    /// Key of the cause tag.
    async fn cause_tag(&self) -> Option<&str> {
        self.0.card.signature.cause_tag.as_deref()
    }

    /// Key of the product.
    async fn product(&self) -> Option<&str> {
        self.0.card.signature.product.as_deref()
    }

    /// Keys of the solution tags, sorted.
    async fn solution_tags(&self) -> &[String] {
        &self.0.card.signature.solution_tags
    }

    /// Cases that still count: solved, with this cause and these solution tags.
    async fn case_count(&self) -> i32 {
        count(self.0.cases)
    }

    /// Its cases, as each was when it joined; those that the viewer may read, newest first.
    #[graphql(complexity = "rows(first, last) * child_complexity + 5")]
    async fn cases(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most so many, from the beginning; 20 where neither first nor last is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only behind this cursor.")] after: Option<String>,
        #[graphql(desc = "At most so many, from the end.")] last: Option<i32>,
        #[graphql(desc = "Only before this cursor.")] before: Option<String>,
    ) -> async_graphql::Result<Relay<CardCaseNode>> {
        let page = Page::of(first, after, last, before).or_top_level(ctx)?;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let cases = Box::pin(knowledge::queries::cases(cx, self.0.card.id, &page)).await.or_top_level(ctx)?;
        let ids = cases.edges.iter().map(|edge| edge.node.ticket).collect();
        let views = ctx.data_unchecked::<Loaders>().many::<domain::kernel::TicketId>(ids).await.or_top_level(ctx)?;
        let mut shown = relay(cases, |case| CardCaseNode { view: views.get(&case.ticket).cloned(), case });
        // What is a case no more for others is none here either.
        shown.edges.retain(|edge| edge.node.view.is_some());
        Ok(shown)
    }

    /// Tickets that cite it, or one of its cases.
    async fn citation_count(&self) -> i32 {
        count(self.0.standing.citing)
    }

    /// Whether the citing tickets stayed solved, after 7, 30 and 90 days.
    async fn survival(&self) -> Vec<SolutionSurvival> {
        survival(&self.0.standing)
    }

    /// How surely it holds, in 0..1: the lower bound (Wilson, 95 %) over the longest time of which enough is known; lists begin
    /// with the highest.
    async fn rank(&self) -> f64 {
        self.0.standing.rank()
    }

    /// When it was made.
    async fn extracted_at(&self) -> DateTime {
        self.0.card.extracted_at.into()
    }

    /// When its text was last vouched for.
    async fn reviewed_at(&self) -> Option<DateTime> {
        self.0.card.reviewed.map(|(_, at)| at.into())
    }

    /// Who vouched for its text.
    async fn reviewed_by(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        user(ctx, self.0.card.reviewed.map(|(by, _)| by)).await
    }

    /// When it was published.
    async fn published_at(&self) -> Option<DateTime> {
        self.0.card.published.map(|(_, at)| at.into())
    }

    /// Who published it.
    async fn published_by(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        user(ctx, self.0.card.published.map(|(by, _)| by)).await
    }

    /// When it was taken out of use.
    async fn retired_at(&self) -> Option<DateTime> {
        self.0.card.retired.map(|(_, at)| at.into())
    }

    /// Who took it out of use.
    async fn retired_by(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        user(ctx, self.0.card.retired.map(|(by, _)| by)).await
    }

    /// Its texts, newest first; the last 100.
    #[graphql(complexity = "5 + 5 * child_complexity")]
    async fn versions(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<CardVersionNode>> {
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let versions = Box::pin(knowledge::queries::versions(cx, self.0.card.id)).await.or_top_level(ctx)?;
        Ok(versions.into_iter().map(CardVersionNode).collect())
    }

    /// Whether the viewer may review, publish and retire it.
    async fn manageable(&self, ctx: &Context<'_>) -> bool {
        let actor = &ctx.data_unchecked::<Caller>().cx.actor;
        knowledge::decide::manages(actor, self.0.card.signature.product.as_deref())
    }
}

fn count(n: u64) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// What a cause and a product say of where a solution applies, in the language of the request.
pub async fn applies_to(
    ctx: &Context<'_>,
    product: Option<&str>,
    fault: tickets::FaultType,
    level: tickets::RootCauseLevel,
    tag: Option<&str>,
) -> async_graphql::Result<String> {
    let Caller { cx, language, .. } = ctx.data_unchecked::<Caller>();
    let known = catalogue::queries::everything(&cx.app).await.or_top_level(ctx)?;
    Ok(cause_words(&known, *language, product, fault, level, tag))
}

/// The name of a catalogue entry in the language of the request.
pub async fn named(ctx: &Context<'_>, kind: Kind, key: &str) -> async_graphql::Result<String> {
    let Caller { cx, language, .. } = ctx.data_unchecked::<Caller>();
    let known = catalogue::queries::everything(&cx.app).await.or_top_level(ctx)?;
    Ok(entry_name(&known, *language, kind, key))
}

/// Whether tickets that cite a solution stayed solved for so long: no reopening, and the same customer or device did not come back with the
/// same fault and cause.
#[derive(SimpleObject)]
pub struct SolutionSurvival {
    /// After so many days from the resolution.
    days: i32,
    /// Tickets that held.
    held: i32,
    /// Tickets that were reopened, or whose problem came back.
    failed: i32,
    /// Tickets that are not solved yet, or not for so long.
    pending: i32,
    /// The share that held; null where nothing is known.
    value: Option<f64>,
    /// The lower bound of that share at 95 % (Wilson's score interval); null where nothing is known.
    lower_bound: Option<f64>,
}

#[expect(clippy::cast_precision_loss, reason = "counts of tickets")]
fn survival(standing: &Standing) -> Vec<SolutionSurvival> {
    let of = |(held, days): (&Held, u64)| SolutionSurvival {
        days: count(days),
        held: count(held.held),
        failed: count(held.failed),
        pending: count(held.pending),
        value: (held.known() > 0).then(|| held.held as f64 / held.known() as f64),
        lower_bound: held.lower_bound(),
    };
    standing.survival.iter().zip(SURVIVAL_DAYS).map(of).collect()
}

/// A ticket of a card.
pub struct CardCaseNode {
    case: CardCase,
    view: Option<tickets::View>,
}

#[Object(name = "KnowledgeCardCase")]
impl CardCaseNode {
    /// The ticket, as it is now.
    async fn ticket(&self) -> Option<TicketNode> {
        self.view.clone().map(TicketNode)
    }

    /// Its title when it joined.
    async fn title(&self) -> &str {
        &self.case.title
    }

    /// How it was resolved, when it joined.
    async fn resolution(&self) -> &str {
        &self.case.resolution
    }

    /// Who solved it.
    async fn handler(&self, ctx: &Context<'_>) -> async_graphql::Result<UserNode> {
        somebody(ctx, self.case.handler).await
    }

    /// When it was first resolved.
    async fn resolved_at(&self) -> DateTime {
        self.case.resolved_at.into()
    }

    /// When it joined the card.
    async fn joined_at(&self) -> DateTime {
        self.case.joined_at.into()
    }

    /// It is still solved, with this cause and these solution tags; a reopened one counts no more.
    async fn counts(&self) -> bool {
        self.case.counts
    }
}

/// A text of a card, now or before.
pub struct CardVersionNode(CardVersion);

#[Object(name = "KnowledgeCardVersion")]
impl CardVersionNode {
    /// From 1.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// The problem in one line.
    async fn title(&self) -> &str {
        &self.0.text.title
    }

    /// Where it applies, where somebody said so.
    async fn applies_to(&self) -> Option<&str> {
        self.0.text.applies_to.as_deref()
    }

    /// How it is solved.
    async fn solution(&self) -> &str {
        &self.0.text.solution
    }

    /// Who wrote it; null where Buoy took it from a case.
    async fn by(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        user(ctx, self.0.by).await
    }

    /// When it was written.
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
pub struct CitationNode(pub Cited);

#[Object(name = "Citation")]
impl CitationNode {
    /// Unique among all things.
    async fn id(&self) -> ID {
        self.0.citation.id.to_string().into()
    }

    /// The case or the card, as it is now; null where the viewer may not see it.
    async fn source(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<CitationSource>> {
        let loaders = ctx.data_unchecked::<Loaders>();
        Ok(match self.0.citation.source {
            Source::Case(case) => {
                let view = loaders.one(case).await.or_top_level(ctx)?;
                view.map(|view| CitationSource::Ticket(Box::new(TicketNode(view))))
            }
            Source::Card(card) => {
                let card = loaders.one(card).await.or_top_level(ctx)?;
                card.map(|card| CitationSource::KnowledgeCard(Box::new(CardNode(card))))
            }
        })
    }

    /// The solution, as it was when it was cited; null where the viewer may not read the ticket that it was copied from.
    async fn text(&self) -> Option<&str> {
        self.0.readable.then_some(self.0.citation.text.as_str())
    }

    /// When it was cited.
    async fn at(&self) -> DateTime {
        self.0.citation.at.into()
    }

    /// Who cited it.
    async fn by(&self, ctx: &Context<'_>) -> async_graphql::Result<UserNode> {
        somebody(ctx, self.0.citation.by).await
    }
}

/// Which cards; every part that is given must hold.
#[derive(InputObject, Clone, Debug, Default)]
pub struct KnowledgeCardFilter {
    /// In one of these states.
    state: Option<Vec<KnowledgeCardState>>,
    /// Of one of the products with these keys.
    product: Option<Vec<String>>,
    /// Of one of these fault types.
    fault_type: Option<Vec<FaultType>>,
    /// With this in its title, its solution or where it applies.
    text: Option<String>,
}

/// In which order cards come; each begins with the highest.
#[derive(async_graphql::Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnowledgeCardOrder {
    /// By how surely they hold: the lower bound of their survival.
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
            KnowledgeCardOrder::Rank => Self::Standing,
            KnowledgeCardOrder::ExtractedAt => Self::ExtractedAt,
            KnowledgeCardOrder::Cases => Self::Cases,
            KnowledgeCardOrder::Citations => Self::Citations,
        }
    }
}

/// Values of one filter.
const FILTER_VALUES_MAX: usize = 50;

/// Queries of knowledge.
#[derive(Default)]
pub struct KnowledgeQuery;

#[Object]
impl KnowledgeQuery {
    /// Knowledge cards, those first that hold most surely; for staff, and for product managers those of their products.
    #[graphql(complexity = "rows(first, last) * child_complexity + 20")]
    #[expect(clippy::too_many_arguments, reason = "the arguments of the contract and of a Relay connection")]
    async fn knowledge_cards(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which cards.")] filter: Option<KnowledgeCardFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<KnowledgeCardOrder>,
        #[graphql(desc = "At most so many, from the beginning; 20 where neither first nor last is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only behind this cursor.")] after: Option<String>,
        #[graphql(desc = "At most so many, from the end.")] last: Option<i32>,
        #[graphql(desc = "Only before this cursor.")] before: Option<String>,
    ) -> async_graphql::Result<Relay<CardNode>> {
        let page = Page::of(first, after, last, before).or_top_level(ctx)?;
        let KnowledgeCardFilter { state, product, fault_type, text } = filter.unwrap_or_default();
        let products = product.unwrap_or_default();
        if products.len() > FILTER_VALUES_MAX || text.as_ref().is_some_and(|text| text.chars().count() > 200) {
            return Err(domain::kernel::Error::bad_input(
                format!("filter names at most {FILTER_VALUES_MAX} products, and a text of at most 200 characters."),
                format!("filter 最多包含 {FILTER_VALUES_MAX} 个产品，文本最多 200 个字符。"),
            ))
            .or_top_level(ctx);
        }
        let filter = CardFilter {
            states: state.unwrap_or_default().into_iter().map(Into::into).collect(),
            products,
            fault_types: fault_type.unwrap_or_default().into_iter().map(Into::into).collect(),
            text,
        };
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let order = order_by.map(Into::into);
        Ok(relay(knowledge::queries::list(cx, &filter, order, &page).await.or_top_level(ctx)?, CardNode))
    }
}
