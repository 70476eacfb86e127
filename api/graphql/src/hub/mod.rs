//! The hub: connected systems, the panorama of a ticket, divergence between systems.

mod corrections;
mod divergence;
mod mutation;
mod panorama;

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use domain::auth::model::ApiKey;
use domain::hub;
use domain::hub::model::{StatusMapping, System, SystemDetails, UnmappedStatus};
use graphql_macros::paged;

pub use self::corrections::{Correction, corrections};
pub use self::corrections::{CorrectionNode, DeliveryNode};
use self::divergence::Divergence;
pub use self::mutation::HubMutation;
use self::panorama::PanoramaNode;
use super::error::OrTopLevel as _;
use super::guard::{cx, language};
use super::metrics::{METRICS_COST, Period};
use super::paging::{PageArgs, Relay, relay};
use super::scalars::{DateTime, TicketStatus, int, mirror};

mirror! {
    /// What an API key permits.
    ApiScope of domain::kernel::ApiScope {
        /// Reporting statuses, and acknowledging corrections.
        Report,
        /// Linking the system's own references to tickets.
        Link,
        /// Reading the tickets that the system reported or is linked to.
        Read,
        /// Receiving corrections by subscription.
        Corrections,
        /// Creating tickets, with the system's own references.
        Create,
    }
}

mirror! {
    /// The outcome of a status report.
    ReportOutcome of hub::model::Outcome {
        /// It changed the authoritative status.
        Applied,
        /// It matches the authoritative status.
        Agreed,
        /// It changed nothing, because something later says otherwise.
        Stale,
        /// The same report was received before.
        Duplicate,
        /// The status word is not in the system's map; the report is kept and counts once the word is added.
        #[graphql(name = "UNKNOWN_WORD")]
        UnmappedStatus,
        /// It was rejected and not stored; `code` and `message` say why.
        Refused,
    }
}

mirror! {
    /// How far the systems that have reported agree.
    PanoramaColour of hub::model::Colour {
        /// All agree.
        Green,
        /// At least two agree, and at least one does not.
        Yellow,
        /// No two agree.
        Red,
        /// No system, or only one, has reported.
        Grey,
    }
}

mirror! {
    /// The state of a correction.
    CorrectionState of hub::model::CorrectionState {
        /// Waiting to be sent, or sent again; without an endpoint it waits for the system to fetch it by subscription.
        Due,
        /// The system has it: its endpoint answered 2xx, or it acknowledged it in a report.
        Acknowledged,
        /// Superseded: the authoritative status changed, or the system reported the same status on its own.
        #[graphql(name = "OVERTAKEN")]
        Superseded,
        /// Delivery was given up (dead letter); it is kept and can be replayed.
        Dead,
    }
}

/// A system and the details that administrators see.
pub struct SystemNode(pub System, pub SystemDetails);

/// A connected system that reports statuses of tickets, such as an ERP, a CRM or a field app; visible to
/// administrators.
#[Object(name = "System")]
impl SystemNode {
    /// Globally unique id.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The key used in references and reports.
    async fn key(&self) -> &str {
        &self.0.key
    }

    /// The display name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The rank: of reports with the same timestamp, the one with the lowest rank wins. Buoy itself has rank 0.
    async fn rank(&self) -> i32 {
        int(self.0.rank)
    }

    /// The URL to which its corrections are sent; null if it only uses the subscription.
    async fn callback_url(&self) -> Option<&str> {
        self.0.endpoint.url.as_deref()
    }

    /// Its status map, in the order given; if several words map to one status, corrections use the first.
    async fn status_map(&self) -> Vec<StatusMapEntry> {
        self.0.status_map.iter().map(StatusMapEntry::of).collect()
    }

    /// Status words that it used but its map does not contain, most used first. Reports with them count once the word
    /// is added.
    async fn unknown_words(&self) -> Vec<UnknownStatusWord> {
        self.1.unmapped.iter().map(UnknownStatusWord::of).collect()
    }

    /// Its API keys, newest first; only their metadata.
    async fn api_keys(&self) -> Vec<ApiKeyNode> {
        self.1.keys.iter().cloned().map(ApiKeyNode).collect()
    }

    /// By how many milliseconds its clock is ahead of Buoy's, measured when its reports say when they were sent
    /// (`sentAt`); negative if behind. Null without such a report: a late one may have waited.
    async fn clock_offset_milliseconds(&self) -> Option<i32> {
        self.0.clock_offset_millis.map(int)
    }

    /// When the clock offset was last measured; null if never.
    async fn clock_measured_at(&self) -> Option<DateTime> {
        self.0.clock_seen_at.map(Into::into)
    }

    /// When the offset was last measured; null if never.
    #[graphql(deprecation = "Use clockMeasuredAt.")]
    async fn clock_seen_at(&self) -> Option<DateTime> {
        self.0.clock_seen_at.map(Into::into)
    }

    /// Since when its endpoint has failed; null if it works.
    async fn failing_since(&self) -> Option<DateTime> {
        self.0.endpoint.failing_since.map(Into::into)
    }

    /// When its endpoint is called again; null if no retry is planned.
    async fn retry_at(&self) -> Option<DateTime> {
        self.0.endpoint.retry_at.map(Into::into)
    }

    /// When its endpoint was disabled; null while it is enabled.
    async fn disabled_at(&self) -> Option<DateTime> {
        self.0.endpoint.disabled_at.map(Into::into)
    }

    /// Why its endpoint was disabled; null while it is enabled.
    async fn disabled_reason(&self, ctx: &Context<'_>) -> Option<String> {
        let language = language(ctx);
        self.0.endpoint.disabled_because.as_ref().map(|why| why.text(language))
    }

    /// Why its endpoint was disabled; null while it is enabled.
    #[graphql(deprecation = "Use disabledReason.")]
    async fn disabled_because(&self, ctx: &Context<'_>) -> Option<String> {
        let language = language(ctx);
        self.0.endpoint.disabled_because.as_ref().map(|why| why.text(language))
    }

    /// The number of corrections that it has not acknowledged yet.
    async fn due_count(&self) -> i32 {
        int(self.1.due)
    }

    /// The number of corrections whose delivery was given up.
    async fn dead_letter_count(&self) -> i32 {
        int(self.1.dead)
    }

    /// The number of secrets that sign its webhooks now; two while a rotation overlaps.
    async fn webhook_secret_count(&self) -> i32 {
        int(self.1.secrets)
    }

    /// When it was registered.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }
}

/// The meaning of one of a system's own status words.
#[derive(SimpleObject)]
struct StatusMapEntry {
    /// The system's own status word.
    word: String,
    /// The canonical status it maps to.
    status: TicketStatus,
    /// Whether the word means an explicit reopening; only such a word moves a ticket out of CLOSED or CANCELLED.
    reopens: bool,
}

impl StatusMapEntry {
    fn of(word: &StatusMapping) -> Self {
        let StatusMapping { source_status: word, status, reopens } = word.clone();
        Self { word, status: status.into(), reopens }
    }
}

/// A status word that is not in a system's status map.
#[derive(SimpleObject)]
struct UnknownStatusWord {
    /// The system's own status word.
    word: String,
    /// The number of reports that used it.
    #[graphql(deprecation = "Use reportCount.")]
    reports: i32,
    /// The number of reports that used it.
    report_count: i32,
    /// When it was last reported.
    #[graphql(deprecation = "Use lastReportedAt.")]
    last_at: DateTime,
    /// When it was last reported.
    last_reported_at: DateTime,
}

impl UnknownStatusWord {
    fn of(word: &UnmappedStatus) -> Self {
        let UnmappedStatus { source_status: word, reports, last_at } = word.clone();
        let (report_count, last_reported_at) = (int(reports), last_at.into());
        Self { word, reports: report_count, report_count, last_at: last_reported_at, last_reported_at }
    }
}

/// An API key of a system.
struct ApiKeyNode(ApiKey);

/// An API key of a connected system.
#[Object(name = "ApiKey")]
impl ApiKeyNode {
    /// Globally unique id.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The first characters of the key.
    async fn prefix(&self) -> &str {
        &self.0.hint
    }

    /// The first characters of the key.
    #[graphql(deprecation = "Use prefix.")]
    async fn hint(&self) -> &str {
        &self.0.hint
    }

    /// What the key permits.
    async fn scopes(&self) -> Vec<ApiScope> {
        self.0.scopes.iter().map(|scope| (*scope).into()).collect()
    }

    /// When it was issued.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When the key expires; null if it does not.
    async fn expires_at(&self) -> Option<DateTime> {
        self.0.expires_at.map(Into::into)
    }

    /// When the key was revoked; null if it was not.
    async fn revoked_at(&self) -> Option<DateTime> {
        self.0.revoked_at.map(Into::into)
    }

    /// When the key was last used, to the minute; null if never.
    async fn last_used_at(&self) -> Option<DateTime> {
        self.0.last_used_at.map(Into::into)
    }
}

/// Loads the details of systems, in two statements.
async fn nodes(ctx: &Context<'_>, systems: Vec<System>) -> async_graphql::Result<Vec<SystemNode>> {
    let cx = cx(ctx);
    let ids: Vec<_> = systems.iter().map(|system| (system.id, system.account)).collect();
    let mut details = hub::queries::details(cx, &ids).await.or_top_level(ctx)?;
    let with = |system: System| Some((details.remove(&system.id)?, system));
    Ok(systems.into_iter().filter_map(with).map(|(details, system)| SystemNode(system, details)).collect())
}

/// Queries of the hub.
#[derive(Default)]
pub struct HubQuery;

#[paged]
#[Object]
impl HubQuery {
    /// All registered systems, ordered by key; for administrators.
    #[graphql(complexity = "20 + 20 * child_complexity")]
    async fn systems(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<SystemNode>> {
        let cx = cx(ctx);
        let systems = hub::queries::list(cx).await.or_top_level(ctx)?;
        Box::pin(nodes(ctx, systems)).await
    }

    /// What every system holds of one ticket (客户工单全景视图), with the history of reports, conflicts and
    /// corrections. For staff, product managers and the systems linked to the ticket.
    #[graphql(complexity = "50 + child_complexity")]
    async fn panorama(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ticket's token, its number, or its id in any other system.")] reference: String,
        #[graphql(desc = "The system of the reference, if several systems use it.")] system: Option<String>,
    ) -> async_graphql::Result<Option<PanoramaNode>> {
        let cx = cx(ctx);
        let found = hub::queries::panorama(cx, &reference, system.as_deref()).await.or_top_level(ctx)?;
        Ok(Some(PanoramaNode(found)))
    }

    /// On how many tickets systems differ: of the tickets on which at least two systems have reported, those whose
    /// statuses differ after 5 minutes of grace. Within the viewer's scope.
    #[graphql(complexity = "METRICS_COST + child_complexity")]
    async fn divergence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The period of the series.")] period: Period,
    ) -> async_graphql::Result<Divergence> {
        let cx = cx(ctx);
        let (from, to) = (period.from.0, period.to.0);
        let found = hub::queries::divergence(cx, from, to).await.or_top_level(ctx)?;
        Ok(Divergence::of(ctx, found))
    }

    /// Corrections that the calling system has not acknowledged yet, oldest first: the starting point for a client
    /// without a cursor. For systems, with their API key.
    async fn outstanding_corrections(
        &self,
        ctx: &Context<'_>,
        page: PageArgs,
    ) -> async_graphql::Result<Relay<CorrectionNode>> {
        let page = page.checked(ctx)?;
        Box::pin(corrections::outstanding(ctx, &page)).await
    }

    /// Corrections whose delivery was given up, newest first; for administrators.
    async fn dead_letters(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only of this system; if not given, of all.")] system_key: Option<String>,
        page: PageArgs,
    ) -> async_graphql::Result<Relay<DeliveryNode>> {
        let page = page.checked(ctx)?;
        let cx = cx(ctx);
        let systems = hub::queries::list(cx).await.or_top_level(ctx)?;
        let system_id = match system_key {
            None => None,
            Some(key) => match systems.iter().find(|system| system.key == key) {
                Some(system) => Some(system.id),
                None => return Err(domain::kernel::Error::not_found()).or_top_level(ctx),
            },
        };
        let found = hub::queries::dead_letters(cx, system_id, &page).await.or_top_level(ctx)?;
        let key = |id| systems.iter().find(|system| system.id == id).map(|system| system.key.clone());
        Ok(relay(found, |one| DeliveryNode { system: key(one.system).unwrap_or_default(), correction: one }))
    }
}
