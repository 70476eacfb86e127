//! What a capability must say of its events so that the log can record them. The runtime knows no capability's events: it
//! keeps them as values of any type, and whoever wants events of one type asks for that type. docs/events.md describes
//! every event as others receive it.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::{DeserializeOwned, Error};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Audience, Modules, Side};
use crate::kernel::UserId;

/// An event of a capability. Its payload in the log is `{"<TAG>": <the event as serde writes it>}`.
pub trait LogEvent: Serialize + DeserializeOwned + Send + Sync + 'static {
    const TAG: &'static str;

    /// The column `kind`: what happened, in the past tense.
    fn kind(&self) -> &str;

    /// What it is about: kind and id. Things known by a key alone have the nil id.
    fn subject(&self) -> (&'static str, Uuid);

    fn audience(&self) -> Audience {
        Audience::Staff
    }

    /// Who did it, where that is not the actor of the transaction.
    fn author(&self) -> Option<UserId> {
        None
    }

    /// For whom it was done, where that is somebody in particular.
    fn on_behalf_of(&self) -> Option<UserId> {
        None
    }

    /// Which side acted, where that does not follow from the actor.
    fn side(&self) -> Option<Side> {
        None
    }

    /// The fields of its public form, named as they are stored.
    fn fields(&self) -> Map<String, Value> {
        fields_of(self)
    }

    /// Completes an event that was read from the log with what `Module::extensions` say of it.
    fn complete(&mut self, _: Modules) -> serde_json::Result<()> {
        Ok(())
    }
}

/// The fields of an event, without the name of its variant: the kind already says that.
pub fn fields_of<T: Serialize>(event: &T) -> Map<String, Value> {
    let Value::Object(fields) = serde_json::to_value(event).expect("events are plain data") else {
        return Map::new(); // a variant without fields
    };
    let variant = fields.iter().next().filter(|(name, _)| name.starts_with(char::is_uppercase));
    match variant {
        Some((_, Value::Object(inner))) => inner.clone(),
        _ => fields,
    }
}

/// An event whose type was forgotten.
trait ErasedEvent: Any + Send + Sync {
    fn fields(&self) -> Map<String, Value>;
}

impl<E: LogEvent> ErasedEvent for E {
    fn fields(&self) -> Map<String, Value> {
        LogEvent::fields(self)
    }
}

/// An event of any capability.
#[derive(Clone)]
pub struct AnyEvent(Arc<dyn ErasedEvent>);

impl fmt::Debug for AnyEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyEvent")
    }
}

impl AnyEvent {
    pub fn new<E: LogEvent>(event: E) -> Self {
        Self(Arc::new(event))
    }

    /// The event, if it is of this type.
    pub fn get<E: LogEvent>(&self) -> Option<&E> {
        let event: &dyn Any = &*self.0;
        event.downcast_ref()
    }

    /// The member `data` of its public form (docs/events.md).
    pub fn data(&self) -> Value {
        camel_case(Value::Object(self.0.fields()))
    }
}

/// The value with names as in the API: the log stores them in snake case.
fn camel_case(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (camel_case_name(&name), camel_case(value))).collect()
        }
        Value::Array(values) => values.into_iter().map(camel_case).collect(),
        plain => plain,
    }
}

fn camel_case_name(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at(word.len().min(1));
        camel.push_str(&first.to_ascii_uppercase());
        camel.push_str(rest);
    }
    camel
}

/// The payload of an event.
pub fn encode<E: LogEvent>(event: &E) -> String {
    serde_json::to_string(&HashMap::from([(E::TAG, event)])).expect("events are plain data")
}

/// A type of events and how its payloads are read; each module lists its own.
#[derive(Clone, Copy)]
pub struct EventType {
    pub tag: &'static str,
    pub decode: fn(&str, Modules) -> serde_json::Result<AnyEvent>,
}

impl EventType {
    pub const fn of<E: LogEvent>() -> Self {
        Self {
            tag: E::TAG,
            decode: |payload, modules| {
                let tagged: HashMap<String, E> = serde_json::from_str(payload)?;
                let event = tagged.into_values().next();
                let mut event = event.ok_or_else(|| serde_json::Error::custom("the payload is empty"))?;
                event.complete(modules)?;
                Ok(AnyEvent::new(event))
            },
        }
    }
}

/// The tag of a payload.
pub fn tag(payload: &str) -> &str {
    payload.split('"').nth(1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::ClockJumped;

    #[test]
    fn a_payload_is_one_key_and_reads_back() {
        let payload = encode(&ClockJumped { seconds: 90 });
        assert_eq!(payload, r#"{"ClockJumped":{"seconds":90}}"#);
        assert_eq!(tag(&payload), ClockJumped::TAG);
        let event = (EventType::of::<ClockJumped>().decode)(&payload, Modules(&[])).unwrap();
        assert_eq!(event.get::<ClockJumped>().unwrap().seconds, 90);
    }
}
