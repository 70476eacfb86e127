//! One truth across systems: systems, panorama, divergence.

mod corrections;
mod divergence;
mod mutation;
mod panorama;

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use domain::auth::model::ApiKey;
use domain::hub;
use domain::hub::model::{StatusWord, System, SystemDetails, UnknownWord};
use domain::kernel::Page;

pub use self::corrections::{Correction, corrections};
use self::corrections::{CorrectionNode, DeliveryNode};
use self::divergence::Divergence;
pub use self::mutation::{HubMutation, execute};
use self::panorama::PanoramaNode;
pub use self::panorama::PendingReport;
use super::Caller;
use super::error::OrTopLevel as _;
use super::metrics::{METRICS_PRICE, Period};
use super::nodes::{Relay, relay};
use super::scalars::{DateTime, TicketStatus, int, mirror};

mirror! {
    /// What an API key is good for.
    ApiScope of domain::kernel::ApiScope {
        /// Reporting statuses, and acknowledging corrections.
        Report,
        /// Linking the system's own references to tickets.
        Link,
        /// Reading the tickets that the system reported or is linked to.
        Read,
        /// Receiving corrections by subscription.
        Corrections,
    }
}

mirror! {
    /// What a report came to.
    ReportOutcome of hub::model::Outcome {
        /// The truth is another now.
        Applied,
        /// It says what the truth is.
        Agreed,
        /// It changed nothing: something that happened later says otherwise.
        Stale,
        /// It was known before.
        Duplicate,
        /// The system's word is not known; it is kept, and counts once the word is in the map.
        UnknownWord,
        /// It was not kept; `code` and `message` say why.
        Refused,
    }
}

mirror! {
    /// How far the systems that have reported agree.
    PanoramaColour of hub::model::Colour {
        /// All do.
        Green,
        /// At least two do, and another does not.
        Yellow,
        /// No two do.
        Red,
        /// Nothing, or only one system, has reported.
        Grey,
    }
}

mirror! {
    /// What became of a correction.
    CorrectionState of hub::model::CorrectionState {
        /// It is to be sent, or sent again; without an endpoint it waits to be taken by subscription.
        Due,
        /// The system has it: its endpoint answered 2xx, or it said so.
        Acknowledged,
        /// Something else became true, or the system said the same by itself.
        Overtaken,
        /// A dead letter: kept, and sent again when somebody replays it.
        Dead,
    }
}

mirror! {
    /// What a reported step waits for.
    PendingNeeds of domain::tickets::model::Needs {
        /// Nobody reaches RESOLVED or CLOSED without an attribution: resolve the ticket.
        Attribution,
        /// Nobody has the ticket yet: assign it.
        Assignee,
        /// No step of the life-cycle leads there: a person decides.
        Decision,
    }
}

/// A system with what its administrator sees beside it.
pub struct SystemNode(pub System, pub SystemDetails);

/// Another system that speaks of tickets: an ERP, a CRM, an app in the field; for administrators.
#[Object(name = "System")]
impl SystemNode {
    /// Unique among all things.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The key by which references and reports name it.
    async fn key(&self) -> &str {
        &self.0.key
    }

    /// What people call it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Of reports of one instant, the one of the lowest rank wins; Buoy itself has 0.
    async fn rank(&self) -> i32 {
        int(self.0.rank)
    }

    /// Where its corrections are sent to; null where it takes them by subscription alone.
    async fn callback_url(&self) -> Option<&str> {
        self.0.callback_url.as_deref()
    }

    /// Its own words, in the order in which they were given: of several for one status, corrections use the first.
    async fn status_map(&self) -> Vec<StatusMapEntry> {
        self.0.words.iter().map(StatusMapEntry::of).collect()
    }

    /// Words that it used and its map does not know, the most used first: add them to the map, and they count.
    async fn unknown_words(&self) -> Vec<UnknownStatusWord> {
        self.1.unknown.iter().map(UnknownStatusWord::of).collect()
    }

    /// The keys with which it comes, newest first; their text was shown once.
    async fn api_keys(&self) -> Vec<ApiKeyNode> {
        self.1.keys.iter().cloned().map(ApiKeyNode).collect()
    }

    /// How many milliseconds its clock runs ahead of Buoy's, as far as its reports show; negative: behind.
    async fn clock_offset_milliseconds(&self) -> Option<i32> {
        self.0.clock_offset_millis.map(int)
    }

    /// When that was seen.
    async fn clock_seen_at(&self) -> Option<DateTime> {
        self.0.clock_seen_at.map(Into::into)
    }

    /// Since when its endpoint has answered nothing good.
    async fn failing_since(&self) -> Option<DateTime> {
        self.0.failing_since.map(Into::into)
    }

    /// When its endpoint is called again.
    async fn retry_at(&self) -> Option<DateTime> {
        self.0.retry_at.map(Into::into)
    }

    /// When its endpoint was given up; null while it is called.
    async fn disabled_at(&self) -> Option<DateTime> {
        self.0.disabled_at.map(Into::into)
    }

    /// Why it was given up.
    async fn disabled_because(&self) -> Option<&str> {
        self.0.disabled_because.as_deref()
    }

    /// Corrections that it has not taken yet.
    async fn due_count(&self) -> i32 {
        int(self.1.due)
    }

    /// Corrections that were given up.
    async fn dead_letter_count(&self) -> i32 {
        int(self.1.dead)
    }

    /// Secrets that sign its messages now: two while a rotation overlaps.
    async fn webhook_secret_count(&self) -> i32 {
        int(self.1.secrets)
    }

    /// When it was registered.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }
}

/// What a system's own word means.
#[derive(SimpleObject)]
struct StatusMapEntry {
    /// The word.
    word: String,
    /// The status that it stands for.
    status: TicketStatus,
    /// It says that the ticket is taken up again: only such a word leads out of CLOSED or CANCELLED.
    reopens: bool,
}

impl StatusMapEntry {
    fn of(word: &StatusWord) -> Self {
        let StatusWord { word, status, reopens } = word.clone();
        Self { word, status: status.into(), reopens }
    }
}

/// A word that a system's map does not know.
#[derive(SimpleObject)]
struct UnknownStatusWord {
    /// The word.
    word: String,
    /// How many reports used it.
    reports: i32,
    /// When it was last used.
    last_at: DateTime,
}

impl UnknownStatusWord {
    fn of(word: &UnknownWord) -> Self {
        let UnknownWord { word, reports, last_at } = word.clone();
        Self { word, reports: int(reports), last_at: last_at.into() }
    }
}

/// A key of a system.
struct ApiKeyNode(ApiKey);

/// A key with which a system comes.
#[Object(name = "ApiKey")]
impl ApiKeyNode {
    /// Unique among all things.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Its first letters.
    async fn hint(&self) -> &str {
        &self.0.hint
    }

    /// What it is good for.
    async fn scopes(&self) -> Vec<ApiScope> {
        self.0.scopes.iter().map(|scope| (*scope).into()).collect()
    }

    /// When it was issued.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When it ends; null: it does not.
    async fn expires_at(&self) -> Option<DateTime> {
        self.0.expires_at.map(Into::into)
    }

    /// When it was revoked.
    async fn revoked_at(&self) -> Option<DateTime> {
        self.0.revoked_at.map(Into::into)
    }

    /// When it was last used, to the minute.
    async fn last_used_at(&self) -> Option<DateTime> {
        self.0.last_used_at.map(Into::into)
    }
}

/// Systems with their details, in two statements more.
async fn nodes(ctx: &Context<'_>, systems: Vec<System>) -> async_graphql::Result<Vec<SystemNode>> {
    let cx = &ctx.data_unchecked::<Caller>().cx;
    let ids: Vec<_> = systems.iter().map(|system| (system.id, system.account)).collect();
    let mut details = hub::queries::details(cx, &ids).await.or_top_level(ctx)?;
    let with = |system: System| Some((details.remove(&system.id)?, system));
    Ok(systems.into_iter().filter_map(with).map(|(details, system)| SystemNode(system, details)).collect())
}

/// What systems say of tickets.
#[derive(Default)]
pub struct HubQuery;

#[Object]
impl HubQuery {
    /// All registered systems, by their keys; for administrators.
    #[graphql(complexity = "20 + 20 * child_complexity")]
    async fn systems(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<SystemNode>> {
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let systems = Box::pin(hub::queries::list(cx)).await.or_top_level(ctx)?;
        Box::pin(nodes(ctx, systems)).await
    }

    /// 客户工单全景视图: what every system holds of one ticket, with the history of reports, conflicts and corrections. For staff,
    /// product managers and the systems that speak of it.
    #[graphql(complexity = "50 + child_complexity")]
    async fn panorama(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its token, its number, or what any system calls it.")] reference: String,
        #[graphql(desc = "Whose number the reference is, where several use it.")] system: Option<String>,
    ) -> async_graphql::Result<Option<PanoramaNode>> {
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let found = Box::pin(hub::queries::panorama(cx, &reference, system.as_deref())).await.or_top_level(ctx)?;
        Ok(Some(PanoramaNode(found)))
    }

    /// On how many tickets systems differ: of those on which at least two have reported, the ones whose statuses differ after
    /// 5 minutes of grace. Within the viewer's scope.
    #[graphql(complexity = "METRICS_PRICE + child_complexity")]
    async fn divergence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The time that the series spans.")] period: Period,
    ) -> async_graphql::Result<Divergence> {
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let (from, to) = (period.from.0, period.to.0);
        let found = Box::pin(hub::queries::divergence(cx, from, to)).await.or_top_level(ctx)?;
        Ok(Divergence::of(ctx, found))
    }

    /// What the calling system has not taken yet, oldest first: where a client begins that has no cursor. For systems, by their
    /// API key.
    async fn outstanding_corrections(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most so many, from the beginning; 20 where neither first nor last is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only behind this cursor.")] after: Option<String>,
        #[graphql(desc = "At most so many, from the end.")] last: Option<i32>,
        #[graphql(desc = "Only before this cursor.")] before: Option<String>,
    ) -> async_graphql::Result<Relay<CorrectionNode>> {
        let page = Page::of(first, after, last, before).or_top_level(ctx)?;
        Box::pin(corrections::outstanding(ctx, &page)).await
    }

    /// Corrections that were given up, newest first; for administrators.
    async fn dead_letters(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The key of a system; all where none is given.")] system_key: Option<String>,
        #[graphql(desc = "At most so many, from the beginning; 20 where neither first nor last is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only behind this cursor.")] after: Option<String>,
        #[graphql(desc = "At most so many, from the end.")] last: Option<i32>,
        #[graphql(desc = "Only before this cursor.")] before: Option<String>,
    ) -> async_graphql::Result<Relay<DeliveryNode>> {
        let page = Page::of(first, after, last, before).or_top_level(ctx)?;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let systems = Box::pin(hub::queries::list(cx)).await.or_top_level(ctx)?;
        let of = match system_key {
            None => None,
            Some(key) => match systems.iter().find(|system| system.key == key) {
                Some(system) => Some(system.id),
                None => return Err(domain::kernel::Error::not_found()).or_top_level(ctx),
            },
        };
        let found = Box::pin(hub::queries::dead_letters(cx, of, &page)).await.or_top_level(ctx)?;
        let key = |id| systems.iter().find(|system| system.id == id).map(|system| system.key.clone());
        Ok(relay(found, |one| DeliveryNode { system: key(one.system).unwrap_or_default(), correction: one }))
    }
}
