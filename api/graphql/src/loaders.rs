//! Data loaders: one SQL statement per level of a query, whatever the page size.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader};
use domain::catalogue::model::Team;
use domain::dispatch::model::Trace;
use domain::escalation::model::Escalation;
use domain::kernel::{CardId, CustomerId, Error, TeamId, TicketId, UserId};
use domain::knowledge::queries::RankedCard;
use domain::knowledge::queries::VisibleCitation;
use domain::notifications::model::Notification;
use domain::people::model::{Customer, User};
use domain::runtime::{Ctx, Row};
use domain::satisfaction::model::Survey;
use domain::sla::model::ClockWithCalendar;
use domain::tickets::model::{Attribution, Comment, ExternalRef, View};
use domain::{catalogue, dispatch, escalation, knowledge, notifications, people, satisfaction, sla, tickets};
use futures::future::BoxFuture;

/// The loaders of one operation. A query caches what it has loaded until it ends; a subscription, which may last for
/// hours, loads again for every event.
pub struct Loaders {
    by_id: DataLoader<ById, async_graphql::dataloader::HashMapCache>,
}

pub struct ById(Ctx);

type Loaded<K> = <ById as Loader<K>>::Value;
type Loading<'l, T> = BoxFuture<'l, Result<T, Error>>;

impl Loaders {
    pub fn new(cx: &Ctx, cached: bool) -> Self {
        let cache = async_graphql::dataloader::HashMapCache::default();
        let by_id = DataLoader::with_cache(ById(cx.clone()), tokio::spawn, cache);
        by_id.enable_all_cache(cached);
        Self { by_id }
    }

    /// Fills the cache with values that were loaded in another way.
    pub async fn prime<K>(&self, values: Vec<(K, Loaded<K>)>)
    where
        K: Send + Sync + std::hash::Hash + Eq + Clone + 'static,
        ById: Loader<K, Error = Arc<Error>>,
    {
        self.by_id.feed_many(values).await;
    }

    /// Boxed, because the future of a type's fields is as large as its largest field.
    pub fn load<K>(&self, key: K) -> Loading<'_, Option<Loaded<K>>>
    where
        K: Send + Sync + std::hash::Hash + Eq + Clone + 'static,
        ById: Loader<K, Error = Arc<Error>>,
    {
        Box::pin(async move { self.by_id.load_one(key).await.map_err(shared_error) })
    }

    pub fn load_many<K>(&self, keys: Vec<K>) -> Loading<'_, HashMap<K, Loaded<K>>>
    where
        K: Send + Sync + std::hash::Hash + Eq + Clone + 'static,
        ById: Loader<K, Error = Arc<Error>>,
    {
        Box::pin(async move { self.by_id.load_many(keys).await.map_err(shared_error) })
    }
}

/// A failed statement fails every load that waited for it.
fn shared_error(error: Arc<Error>) -> Error {
    Error::internal(error)
}

impl Loader<UserId> for ById {
    type Value = Arc<User>;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[UserId]) -> Result<HashMap<UserId, Arc<User>>, Self::Error> {
        Ok(people::queries::cached_users(&self.0.app, keys.to_vec()).await?)
    }
}

impl Loader<TeamId> for ById {
    type Value = Team;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[TeamId]) -> Result<HashMap<TeamId, Team>, Self::Error> {
        let known = catalogue::queries::cached(&self.0.app).await?;
        let (found, missing): (Vec<TeamId>, Vec<TeamId>) = keys.iter().partition(|id| known.teams.contains_key(id));
        let mut teams: HashMap<TeamId, Team> =
            found.iter().filter_map(|id| Some((*id, known.teams.get(id)?.clone()))).collect();
        if !missing.is_empty() {
            let rest = catalogue::queries::teams(self.0.read(), missing).await?;
            teams.extend(rest.into_iter().map(|team| (team.id, team)));
        }
        Ok(teams)
    }
}

impl Loader<CustomerId> for ById {
    type Value = Customer;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[CustomerId]) -> Result<HashMap<CustomerId, Customer>, Self::Error> {
        let customers = people::queries::customers(self.0.read(), keys.to_vec()).await?;
        Ok(customers.into_iter().map(|customer| (customer.id, customer)).collect())
    }
}

/// A ticket as the viewer may see it.
impl Loader<TicketId> for ById {
    type Value = View;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[TicketId]) -> Result<HashMap<TicketId, View>, Self::Error> {
        Ok(tickets::queries::views_by_id(&self.0, keys.to_vec()).await?)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AttributionOf(pub TicketId);

impl Loader<AttributionOf> for ById {
    type Value = Attribution;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[AttributionOf]) -> Result<HashMap<AttributionOf, Attribution>, Self::Error> {
        let ids: Vec<TicketId> = keys.iter().map(|key| key.0).collect();
        let found = tickets::queries::attributions(self.0.read(), &ids).await?;
        Ok(found.into_iter().map(|(id, attribution)| (AttributionOf(id), attribution)).collect())
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SourceSolutionOf(pub TicketId);

impl Loader<SourceSolutionOf> for ById {
    type Value = String;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[SourceSolutionOf]) -> Result<HashMap<SourceSolutionOf, String>, Self::Error> {
        let ids: Vec<TicketId> = keys.iter().map(|key| key.0).collect();
        let found = tickets::queries::source_solutions(self.0.read(), &ids).await?;
        Ok(found.into_iter().map(|(id, text)| (SourceSolutionOf(id), text)).collect())
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RefsOf(pub TicketId);

impl Loader<RefsOf> for ById {
    type Value = Vec<ExternalRef>;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[RefsOf]) -> Result<HashMap<RefsOf, Vec<ExternalRef>>, Self::Error> {
        let ids: Vec<TicketId> = keys.iter().map(|key| key.0).collect();
        let found = tickets::queries::refs(&self.0, &ids).await?;
        Ok(found.into_iter().map(|(id, refs)| (RefsOf(id), refs)).collect())
    }
}

/// The first or last comments of a ticket.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CommentsOf {
    pub ticket: TicketId,
    pub limit: u64,
    pub backward: bool,
}

impl Loader<CommentsOf> for ById {
    type Value = Vec<Comment>;
    type Error = Arc<Error>;

    /// One statement for each different page: a list asks for the same one on every row.
    async fn load(&self, keys: &[CommentsOf]) -> Result<HashMap<CommentsOf, Vec<Comment>>, Self::Error> {
        let mut pages: HashMap<(u64, bool), Vec<TicketId>> = HashMap::new();
        for CommentsOf { ticket, limit, backward } in keys {
            pages.entry((*limit, *backward)).or_default().push(*ticket);
        }
        let mut all = HashMap::new();
        for ((limit, backward), ids) in pages {
            let found = tickets::queries::comments_of(&self.0, &ids, limit, backward).await?;
            all.extend(found.into_iter().map(|(ticket, rows)| (CommentsOf { ticket, limit, backward }, rows)));
        }
        Ok(all)
    }
}

/// The first or last events of a ticket.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventsOf {
    pub ticket: TicketId,
    pub limit: u64,
    pub backward: bool,
}

impl Loader<EventsOf> for ById {
    type Value = Vec<Row>;
    type Error = Arc<Error>;

    /// One statement for each different page: a list asks for the same one on every row.
    async fn load(&self, keys: &[EventsOf]) -> Result<HashMap<EventsOf, Vec<Row>>, Self::Error> {
        let mut pages: HashMap<(u64, bool), Vec<TicketId>> = HashMap::new();
        for EventsOf { ticket, limit, backward } in keys {
            pages.entry((*limit, *backward)).or_default().push(*ticket);
        }
        let mut all = HashMap::new();
        for ((limit, backward), ids) in pages {
            let found = tickets::queries::events_of(&self.0, &ids, limit, backward).await?;
            all.extend(found.into_iter().map(|(ticket, rows)| (EventsOf { ticket, limit, backward }, rows)));
        }
        Ok(all)
    }
}

/// The owner of a product.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct OwnerOf(pub String);

impl Loader<OwnerOf> for ById {
    type Value = UserId;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[OwnerOf]) -> Result<HashMap<OwnerOf, UserId>, Self::Error> {
        let products = keys.iter().map(|key| key.0.clone()).collect();
        let owners = people::queries::owners(self.0.read(), products).await?;
        Ok(owners.into_iter().map(|(product, owner)| (OwnerOf(product), owner)).collect())
    }
}

/// The open work of a person, in points.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct OpenWorkOf(pub UserId);

impl Loader<OpenWorkOf> for ById {
    type Value = i32;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[OpenWorkOf]) -> Result<HashMap<OpenWorkOf, i32>, Self::Error> {
        let users: Vec<UserId> = keys.iter().map(|key| key.0).collect();
        let loads = dispatch::queries::open_work(self.0.read(), &users).await?;
        Ok(loads.into_iter().map(|(user, load)| (OpenWorkOf(user), load)).collect())
    }
}

macro_rules! of_tickets {
    ($($(#[$doc:meta])* $name:ident => $value:ty, |$cx:ident, $ids:ident| $load:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(pub TicketId);

        impl Loader<$name> for ById {
            type Value = $value;
            type Error = Arc<Error>;

            async fn load(&self, keys: &[$name]) -> Result<HashMap<$name, $value>, Self::Error> {
                let $cx = &self.0;
                let $ids: Vec<TicketId> = keys.iter().map(|key| key.0).collect();
                Ok($load.await?.into_iter().map(|(ticket, value)| ($name(ticket), value)).collect())
            }
        }
    )*};
}

of_tickets! {
    /// All notifications about a ticket.
    NotificationsOf => Vec<Notification>, |cx, ids| notifications::queries::of_tickets(cx.read(), &ids);
    /// The levels of escalation of a ticket.
    EscalationsOf => Vec<Escalation>, |cx, ids| escalation::queries::of_tickets(cx.read(), &ids);
    /// How the last automatic assignment of a ticket was decided.
    TraceOf => Trace, |cx, ids| dispatch::queries::traces(cx.read(), &ids);
    /// The SLA clocks of a ticket.
    SlaClocksOf => Vec<ClockWithCalendar>, |cx, ids| sla::queries::clocks(&cx.app, cx.read(), &ids);
}

impl Loader<CardId> for ById {
    type Value = RankedCard;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[CardId]) -> Result<HashMap<CardId, RankedCard>, Self::Error> {
        Ok(knowledge::queries::by_ids(&self.0, keys).await?)
    }
}

/// The card that contains a ticket as a case.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CardOf(pub TicketId);

impl Loader<CardOf> for ById {
    type Value = CardId;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[CardOf]) -> Result<HashMap<CardOf, CardId>, Self::Error> {
        let ids: Vec<TicketId> = keys.iter().map(|CardOf(id)| *id).collect();
        let found = knowledge::queries::cards_of(self.0.read(), &ids).await?;
        Ok(found.into_iter().map(|(ticket, card)| (CardOf(ticket), card)).collect())
    }
}

/// The citations of a ticket.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CitationsOf(pub TicketId);

impl Loader<CitationsOf> for ById {
    type Value = Vec<VisibleCitation>;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[CitationsOf]) -> Result<HashMap<CitationsOf, Vec<VisibleCitation>>, Self::Error> {
        let ids: Vec<TicketId> = keys.iter().map(|CitationsOf(id)| *id).collect();
        let found = knowledge::queries::citations_of(&self.0, &ids).await?;
        Ok(found.into_iter().map(|(ticket, cited)| (CitationsOf(ticket), cited)).collect())
    }
}

/// The survey of a ticket.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SurveyOf(pub TicketId);

impl Loader<SurveyOf> for ById {
    type Value = Survey;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[SurveyOf]) -> Result<HashMap<SurveyOf, Survey>, Self::Error> {
        let ids: Vec<TicketId> = keys.iter().map(|SurveyOf(id)| *id).collect();
        let found = satisfaction::queries::of_tickets(self.0.read(), &ids).await?;
        Ok(found.into_iter().map(|(ticket, survey)| (SurveyOf(ticket), survey)).collect())
    }
}
