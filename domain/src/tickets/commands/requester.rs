//! Gives the tickets of a contact to the account that proved to be the same person.

use super::apply;
use crate::kernel::{Result, UserId, boxed};
use crate::people;
use crate::runtime::Tx;
use crate::tickets::decide::lifecycle::Decision;
use crate::tickets::model::Fact;
use crate::tickets::store;

/// Tickets that are moved at once.
const BATCH: u64 = 100;

/// Makes `to` the requester of all tickets of `from`.
#[boxed]
pub async fn move_requests(tx: &mut Tx, from: UserId, to: UserId) -> Result<()> {
    let customer = people::queries::user(tx.conn(), to).await?.and_then(|user| user.customer);
    loop {
        let ids = store::of_requester(tx.conn(), from, BATCH).await?;
        if ids.is_empty() {
            return Ok(());
        }
        for ticket in store::load_for_update(tx, &ids).await? {
            let mut next = ticket.clone();
            next.request.requester = Some(to);
            next.request.customer = next.request.customer.or(customer);
            next.times.updated_at = tx.now;
            let facts = vec![Fact::Updated { fields: vec!["requester".to_owned()] }];
            apply(tx, &ticket, Decision { next, facts, participants: Vec::new() }, true, false).await?;
        }
    }
}
