//! The first packet of a session.

/// The content of the server's open packet.
#[derive(Clone, Copy, Debug)]
pub struct Handshake<'a> {
    /// The session's id; it authorises requests, so only this client may see it.
    pub sid: &'a str,
    /// The transports that the client may change to.
    pub upgrades: &'a [&'a str],
    /// Milliseconds from one heartbeat to the next.
    pub ping_interval_ms: u64,
    /// Milliseconds that an answer to a heartbeat may take.
    pub ping_timeout_ms: u64,
    /// The longest payload in bytes.
    pub max_payload: usize,
}

impl Handshake<'_> {
    /// The whole open packet, leading `0` included. Both versions have all five keys, in this order.
    pub fn encode(&self) -> String {
        let Handshake { sid, upgrades, ping_interval_ms, ping_timeout_ms, max_payload } = self;
        let sid = serde_json::Value::from(*sid);
        let upgrades = serde_json::Value::from(*upgrades);
        format!(
            r#"0{{"sid":{sid},"upgrades":{upgrades},"pingInterval":{ping_interval_ms},"pingTimeout":{ping_timeout_ms},"maxPayload":{max_payload}}}"#
        )
    }
}
