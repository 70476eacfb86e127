//! The entities of the tables.

pub mod occurrence {
    use crate::kernel::{TicketId, Timestamp};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "occurrence")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub ticket_id: TicketId,
        pub signature: String,
        /// The ticket's first resolution.
        pub at: Timestamp,
        /// The revision of the ticket row that this was derived from.
        pub revision: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod card {
    use crate::kernel::{CardId, Timestamp, UserId};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "card")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: CardId,
        pub signature: String,
        pub fault_type: String,
        pub root_cause_level: String,
        pub cause_tag: Option<String>,
        pub product: Option<String>,
        pub solution_tags: String,
        pub state: String,
        pub version: i32,
        pub extracted_at: Timestamp,
        pub reviewed_at: Option<Timestamp>,
        pub reviewed_by: Option<UserId>,
        pub published_at: Option<Timestamp>,
        pub published_by: Option<UserId>,
        pub retired_at: Option<Timestamp>,
        pub retired_by: Option<UserId>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod card_version {
    use crate::kernel::{CardId, TicketId, Timestamp, UserId};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "card_version")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub card_id: CardId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub version: i32,
        pub title: String,
        pub applies_to: Option<String>,
        pub solution: String,
        /// The tickets whose texts were copied.
        pub title_source_id: Option<TicketId>,
        pub solution_source_id: Option<TicketId>,
        pub by_id: Option<UserId>,
        pub at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod card_case {
    use crate::kernel::{CardId, TicketId, Timestamp, UserId};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "card_case")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub card_id: CardId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub ticket_id: TicketId,
        pub title: String,
        pub resolution: String,
        pub handler_id: UserId,
        pub resolved_at: Timestamp,
        pub joined_at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The periods in which cards were published.
pub mod card_publication {
    use crate::kernel::{CardId, Timestamp};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "card_publication")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub card_id: CardId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub published_at: Timestamp,
        pub retired_at: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod citation {
    use crate::kernel::{CardId, CitationId, TicketId, Timestamp, UserId};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "citation")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: CitationId,
        pub ticket_id: TicketId,
        pub case_id: Option<TicketId>,
        pub card_id: Option<CardId>,
        /// The ticket whose text was copied.
        pub source_id: Option<TicketId>,
        pub text: String,
        pub by_id: UserId,
        pub at: Timestamp,
        /// When the citing ticket was resolved with it.
        pub resolved_at: Option<Timestamp>,
        /// When it was reopened after that.
        pub reopened_at: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
