//! Token refresh on open connections, and the end of connections whose token has expired.

use std::time::Duration;

use auth::{AuthError, Identity};
use contracts::Outcome;
use contracts::close_codes::AUTHENTICATION_FAILED;
use domain::command::{Actor, Command, CommandContext};
use domain::ids::{Timestamp, UserId};
use domain::users::{Claims, EnsureUser};
use engine::{Namespace, Shard, SocketKey};
use logging::audit;

use super::connect::{claims, transport_name};
use super::requests::RequestContext;
use super::token_expiry::Due;
use super::{RealtimeApp, RealtimeState};

/// The longest time until the clock is read again, because it may have been set.
const MAX_CHECK_INTERVAL: Duration = Duration::from_secs(60);

/// The result of a token refresh.
pub struct AuthRefresh {
    /// The user who sends the socket's requests from then on.
    pub actor: Actor,
    /// The token's claims about the user.
    pub claims: Claims,
    /// When the token expires; `None`: never.
    pub ends: Option<Timestamp>,
}

impl RealtimeState {
    /// Verifies a newer token of a user.
    ///
    /// # Errors
    /// If the token is rejected, or belongs to another user.
    pub fn verify_refresh(&self, user: &UserId, token: &str) -> Result<AuthRefresh, AuthError> {
        let now = (self.clock)().0.div_euclid(1_000_000);
        let identity = self.tokens.authenticator.renew(user, token, now)?;
        let actor = Actor { user: identity.user.clone(), admin: identity.admin };
        let ends = self.expiry_of(&identity);
        Ok(AuthRefresh { actor, claims: claims(identity), ends })
    }

    /// When a token expires.
    pub(super) fn expiry_of(&self, identity: &Identity) -> Option<Timestamp> {
        self.tokens.authenticator.valid_until(identity).map(|seconds| Timestamp(seconds.saturating_mul(1_000_000)))
    }
}

impl RealtimeApp {
    /// Refreshes the token of a socket. The earlier token stays valid until the newer one is verified.
    pub(super) fn handle_refresh(&mut self, shard: &mut Shard<Self>, context: RequestContext, token: &str) {
        let Some(session) = shard.data(context.socket) else { return };
        match self.state.verify_refresh(&session.actor.user, token) {
            Ok(AuthRefresh { actor, claims, ends }) => {
                let work = |context: &mut CommandContext<'_>| EnsureUser { claims }.execute(context);
                self.run_in_writer(shard, context, work, move |app, shard, context, ensured| {
                    if ensured.is_ok() {
                        app.apply_refresh(shard, context.socket, actor, ends);
                    }
                    app.answer(shard, &context, ensured.map(|_| Outcome::Refreshed(Ok(ends))));
                });
            }
            Err(why) => {
                self.audit_rejected(shard, context.socket, why);
                self.counters.count_failed_request(why.code());
                self.in_order(shard, context.socket, move |app, shard| app.answer(shard, &context, Ok(Outcome::Refreshed(Err(why)))));
            }
        }
    }

    fn apply_refresh(&mut self, shard: &mut Shard<Self>, socket: SocketKey, actor: Actor, ends: Option<Timestamp>) {
        let Some(session) = shard.data_mut(socket) else { return };
        session.actor = actor;
        match ends {
            Some(ends) => self.track_expiry(shard, socket, ends),
            None => self.timers.token_expiry.untrack(socket),
        }
    }

    /// A socket ends with its token, and receives a notice before.
    pub(super) fn track_expiry(&mut self, shard: &mut Shard<Self>, socket: SocketKey, ends: Timestamp) {
        self.timers.token_expiry.track(socket, ends);
        self.schedule_expiry_check(shard);
    }

    /// Sends a notice to the sockets whose tokens expire soon, and ends the sockets whose tokens have expired.
    pub(super) fn check_expiring(&mut self, shard: &mut Shard<Self>) {
        let now = (self.state.clock)();
        let mut ended = Vec::new();
        while let Some((socket, due)) = self.timers.token_expiry.pop(now) {
            match due {
                Due::Expiring(ends) => {
                    let namespace = shard.namespace(socket).unwrap_or(Namespace::PLAIN);
                    if let Some(contract) = self.state.contracts.in_namespace(namespace).first() {
                        shard.emit(socket, &contract.auth_expiring(ends, now));
                    }
                }
                Due::Ended => ended.push(socket),
            }
        }
        for socket in &ended {
            self.close_expired(shard, *socket, &ended);
        }
        self.schedule_expiry_check(shard);
    }

    /// Ends a Socket.IO socket as the server, after which its library does not reconnect by itself. A connection is closed with the last of
    /// its sockets.
    fn close_expired(&self, shard: &mut Shard<Self>, socket: SocketKey, ended: &[SocketKey]) {
        let why = AuthError::Expired;
        self.audit_rejected(shard, socket, why);
        if shard.namespace(socket) != Some(Namespace::PLAIN) {
            shard.disconnect(socket, false);
        }
        let was_last = shard.siblings(socket).all(|sibling| ended.contains(&sibling));
        if was_last {
            shard.close(socket, AUTHENTICATION_FAILED.code, &why.to_string());
        }
    }

    fn audit_rejected(&self, shard: &Shard<Self>, socket: SocketKey, why: AuthError) {
        if let (Some(session), Some(handshake)) = (shard.data(socket), shard.handshake(socket)) {
            let transport = transport_name(shard, socket, session.connection.transport());
            audit::rejected(Some(&session.actor.user), handshake.address(), transport, why.log_text());
        }
    }

    fn schedule_expiry_check(&self, shard: &mut Shard<Self>) {
        let Some(next) = self.timers.token_expiry.next() else { return };
        let wait = next.0.saturating_sub((self.state.clock)().0);
        let wait = Duration::from_micros(u64::try_from(wait).unwrap_or(0)).min(MAX_CHECK_INTERVAL);
        shard.wake_at(shard.now() + wait);
    }
}
