//! Messages that are not of the protocol are counted and skipped, and what follows still arrives.

use super::setup::Cluster;

#[tokio::test]
async fn garbage_on_every_channel_is_counted_and_skipped() {
    let cluster = Cluster::start().await;
    let bad: [&[u8]; 6] = [b"", b"{", b"garbage", b"\xc1", b"{\"type\":99}", b"\x93\xa1u\x80\x80"];
    for message in bad {
        for channel in ["my app#/#", "my app#/#a#", "my app-request#/#"] {
            cluster.redis.publish(channel, message).await;
        }
    }
    cluster.redis.publish("my app#/#unknown room#", b"garbage").await;
    cluster.redis.publish("my app-response#/#", b"not read, because no request waits").await;
    cluster.rust.until_stats(|stats| stats.garbage == 18).await;
    // Emitters of old versions send no namespace and no options.
    cluster.redis.publish("my app#/#", b"\x92\xa7emitter\x81\xa4data\x91\xa3end").await;
    assert!(cluster.rust.local.events_until("rust1", "end").await.is_empty());
    assert_eq!(cluster.rust.adapter.stats().garbage, 18);
}
