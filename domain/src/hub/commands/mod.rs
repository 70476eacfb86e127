//! Writes of the hub: systems, what they report, what is done here to tickets that they speak of, and corrections.

mod delivery;
mod dossier;
mod reports;
mod systems;

pub use self::delivery::{note_streamed, prepare, settle};
use self::dossier::{Dossiers, Take};
pub use self::systems::{define_words, link_later};
use super::model::{DismissPendingReport, LinkExternalRef, System};
use super::{queries, store};
use crate::kernel::{ApiScope, Code, Error, Refusal, Result, Role, TicketId, refuse};
use crate::runtime::{Command, Tx};
use crate::tickets;
use crate::tickets::decide::token;
use crate::tickets::model::{Fact, Needs, TicketEvent};

/// The system in whose name the actor comes, where its key is good for this.
pub(super) async fn calling_system(tx: &Tx, scope: ApiScope) -> Result<std::sync::Arc<System>> {
    let person = tx.actor().person().ok_or_else(Error::unauthenticated)?;
    let system = queries::system_of(tx.app(), person.id).await?;
    let Some(system) = system else {
        return Err(refuse(
            Code::Forbidden,
            "",
            "Only a registered system may do this, with its API key: Authorization: Bearer <apiKey>.",
            "只有已注册的系统可以执行此操作，请使用其 API 密钥：Authorization: Bearer <apiKey>。",
        )
        .into());
    };
    if !person.has_scope(scope) {
        let scope = scope.word();
        return Err(refuse(
            Code::Forbidden,
            "",
            format!("This API key is not good for {scope}: issue one that is."),
            format!("该 API 密钥没有 {scope} 权限，请签发具备该权限的密钥。"),
        )
        .into());
    }
    Ok(system)
}

fn no_such_system(field: &str, key: &str) -> Refusal {
    refuse(Code::NotFound, field, format!("No system is registered as {key}."), format!("没有注册名为 {key} 的系统。"))
}

/// In the transaction of the event: a system is linked to tickets.
pub(super) async fn link(tx: &mut Tx, ids: &[TicketId], keys: &[String]) -> Result<()> {
    let systems = queries::systems(tx.app()).await?;
    let linked: Vec<_> = systems.values().filter(|system| keys.contains(&system.key)).map(|system| system.id).collect();
    if linked.is_empty() {
        return Ok(());
    }
    let mut dossiers = Dossiers::load(tx, ids, Take::All).await?;
    for id in ids {
        let Some(dossier) = dossiers.get(*id) else { continue };
        for system in &linked {
            dossier.join(*system);
        }
    }
    Box::pin(dossiers.settle(tx)).await
}

/// In the transaction of the event: something was done here to a ticket that systems speak of.
pub(super) async fn act(tx: &mut Tx, event: &TicketEvent) -> Result<()> {
    if !store::is_known(tx.conn(), event.ticket).await? {
        return Ok(());
    }
    let mut dossiers = Dossiers::load(tx, &[event.ticket], Take::Known).await?;
    let Some(dossier) = dossiers.get(event.ticket) else { return Ok(()) };
    let truth = dossier.merge.truth().status;
    let supplies = dossier.ticket.pending.as_ref().is_some_and(|pending| match pending.needs {
        Needs::Decision => false,
        // On the way to what was reported, or there.
        Needs::Attribution | Needs::Assignee => match event.fact {
            Fact::Assigned { .. } | Fact::Accepted | Fact::Resumed => true,
            Fact::Resolved { .. } => truth.is_solved(),
            _ => false,
        },
    });
    if !supplies {
        dossier.enter(tx, event.after.status, matches!(event.fact, Fact::Reopened { .. }));
    }
    Box::pin(dossiers.settle(tx)).await
}

impl Command for LinkExternalRef {
    const NAME: &'static str = "linkExternalRef";
    type Output = TicketId;

    /// Whoever knows the token may link: from then on the system takes part in the ticket.
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let Self(link) = self;
        if tx.actor().is(Role::Partner) {
            let system = calling_system(tx, ApiScope::Link).await?;
            if link.reference.system.trim() != system.key {
                let key = &system.key;
                return Err(refuse(
                    Code::Forbidden,
                    "system",
                    format!("A system links its own numbers only: {key}."),
                    format!("系统只能关联自己的单号：{key}。"),
                )
                .into());
            }
            let token = token::parse(&link.token);
            let ids = tickets::queries::ids_by_tokens(tx.conn(), token.into_iter().collect()).await?;
            let ids: Vec<TicketId> = ids.into_values().collect();
            self::link(tx, &ids, std::slice::from_ref(&system.key)).await?;
        }
        link.run(tx).await
    }
}

impl Command for DismissPendingReport {
    const NAME: &'static str = "dismissPendingReport";
    type Output = TicketId;

    fn expected_version(&self) -> Option<i32> {
        self.expected_version
    }

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        tickets::commands::dismiss_pending(tx, self.ticket, self.expected_version).await.map(|ticket| ticket.id)
    }
}
