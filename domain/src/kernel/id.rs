//! Typed ids: a UUIDv7 with the name of what it identifies, stored as 16 bytes on both engines.

use std::fmt;
use std::str::FromStr;

use uuid::{Builder, Uuid};

use super::Timestamp;

/// The source of randomness for ids and secrets; injected, so that tests can replace it.
pub trait Entropy: Send + Sync {
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's random number generator.
pub struct OsEntropy;

impl Entropy for OsEntropy {
    #[expect(clippy::disallowed_methods, reason = "the only source of randomness")]
    fn fill(&self, bytes: &mut [u8]) {
        // Without a source of randomness no token is secure, so the process stops.
        getrandom::fill(bytes).expect("the operating system gives random bytes");
    }
}

/// A UUIDv7 with the given timestamp.
pub fn uuid_v7(at: Timestamp, entropy: &dyn Entropy) -> Uuid {
    let mut random = [0; 10];
    entropy.fill(&mut random);
    Builder::from_unix_timestamp_millis(at.millis().max(0).cast_unsigned(), &random).into_uuid()
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            pub fn new(at: Timestamp, entropy: &dyn Entropy) -> Self {
                Self(uuid_v7(at, entropy))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }

        impl From<$name> for sea_orm::Value {
            fn from(id: $name) -> Self {
                id.0.into()
            }
        }

        impl sea_orm::TryGetable for $name {
            fn try_get_by<I: sea_orm::ColIdx>(row: &sea_orm::QueryResult, index: I) -> Result<Self, sea_orm::TryGetError> {
                <Uuid as sea_orm::TryGetable>::try_get_by(row, index).map($name)
            }
        }

        impl sea_orm::sea_query::ValueType for $name {
            fn try_from(value: sea_orm::Value) -> Result<Self, sea_orm::sea_query::ValueTypeErr> {
                <Uuid as sea_orm::sea_query::ValueType>::try_from(value).map($name)
            }
            fn type_name() -> String {
                stringify!($name).to_owned()
            }
            fn array_type() -> sea_orm::sea_query::ArrayType {
                <Uuid as sea_orm::sea_query::ValueType>::array_type()
            }
            fn column_type() -> sea_orm::sea_query::ColumnType {
                sea_orm::sea_query::ColumnType::Uuid
            }
        }

        impl sea_orm::sea_query::Nullable for $name {
            fn null() -> sea_orm::Value {
                <Uuid as sea_orm::sea_query::Nullable>::null()
            }
        }

        impl sea_orm::TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, sea_orm::DbErr> {
                Err(sea_orm::DbErr::ConvertFromU64(stringify!($name)))
            }
        }
    )*};
}

ids! {
    UserId,
    TeamId,
    CustomerId,
    TicketId,
    CommentId,
    SessionId,
    JobId,
    AbsenceId,
    DelegationId,
    NotificationId,
    DeliveryId,
    CardId,
    CitationId,
    ApiKeyId,
    SystemId,
    ReportId,
    CorrectionId,
    CredentialId,
    SubmissionId,
}
