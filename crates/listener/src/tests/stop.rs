//! Tests of what a stop waits for, and for how long.

use super::*;

#[tokio::test]
async fn a_stop_completes_open_requests_and_accepts_no_new_ones() {
    let (started, mut has_started) = mpsc::channel::<()>(1);
    let (proceed, wait) = watch::channel(());
    let served = serve(bound(&[]).await, move |_request: Request<Incoming>, _peer: Peer| {
        let (started, mut wait) = (started.clone(), wait.clone());
        async move {
            started.send(()).await.unwrap();
            wait.changed().await.unwrap();
            Response::new(Body::from("late"))
        }
    });
    let mut busy = connect(served.address, GET).await;
    has_started.recv().await.unwrap();
    let mut idle = connect(served.address, b"").await;
    served.stop.send(()).unwrap();
    assert_eq!(rest(&mut idle).await, "", "a connection that asks nothing is closed at once");
    assert!(!served.end.is_finished());
    proceed.send(()).unwrap();
    assert!(rest(&mut busy).await.ends_with("late"));
    served.end.await.unwrap();
    assert!(TcpStream::connect(served.address).await.is_err());
}

/// Stops a server and waits for its end; the time that passed, of a clock that jumps.
async fn stopped(served: Served) -> Duration {
    let start = Instant::now();
    served.stop.send(()).unwrap();
    served.end.await.unwrap();
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_incomplete_headers() {
    let served = serve(bound(&[]).await, hello);
    let half = b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ";
    let mut fresh = connect(served.address, half).await;
    let mut reused = connect(served.address, GET).await;
    read_to(&mut reused, "hello").await;
    reused.write_all(half).await.unwrap();
    // This request is sent after those bytes, so the server has received them when it is answered.
    read_to(&mut connect(served.address, GET).await, "hello").await;
    assert_eq!(stopped(served).await, Duration::ZERO);
    assert_eq!((rest(&mut fresh).await, rest(&mut reused).await), (String::new(), String::new()));
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_incomplete_tls_handshakes() {
    let (_folder, certificate, key, _) = certificate();
    let served = serve(bound_with_tls(&certificate, &key).await, hello);
    let mut handshake = connect(served.address, b"\x16\x03\x01\x02\x00\x01").await;
    // This one is over when the server has seen the one before it.
    rest(&mut connect(served.address, GET).await).await;
    assert!(stopped(served).await < Duration::from_secs(1));
    assert_eq!(rest(&mut handshake).await, "");
}

#[tokio::test]
async fn a_stop_waits_for_the_rest_of_a_body() {
    let (started, mut has_started) = mpsc::channel::<()>(1);
    let served = serve(bound(&[]).await, move |request: Request<Incoming>, _peer: Peer| {
        let started = started.clone();
        async move {
            started.send(()).await.unwrap();
            Response::new(Body::from(Body::new(request.into_body()).collect().await.unwrap().to_bytes()))
        }
    });
    let mut stream = connect(served.address, b"POST / HTTP/1.1\r\nContent-Length: 8\r\n\r\nbody").await;
    has_started.recv().await.unwrap();
    served.stop.send(()).unwrap();
    // A refused connection means that the stop has reached all listeners.
    while TcpStream::connect(served.address).await.is_ok() {}
    stream.write_all(b"ends").await.unwrap();
    assert!(rest(&mut stream).await.ends_with("bodyends"));
    served.end.await.unwrap();
}

#[tokio::test]
async fn a_stop_waits_until_a_response_is_written() {
    const LENGTH: usize = 32 << 20;
    let served = serve(bound(&[]).await, async |_: Request<Incoming>, _: Peer| Response::new(Body::from(vec![b'x'; LENGTH])));
    let mut slow = connect(served.address, GET).await;
    let head = read_to(&mut slow, "\r\n\r\n").await;
    assert!(head.contains(&format!("content-length: {LENGTH}\r\n")), "{head}");
    served.stop.send(()).unwrap();
    while TcpStream::connect(served.address).await.is_ok() {}
    assert_eq!(rest(&mut slow).await.len(), LENGTH);
    served.end.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_beyond_its_deadline() {
    let (started, mut has_started) = mpsc::channel::<()>(1);
    let served = serve(bound(&[]).await, move |_request: Request<Incoming>, _peer: Peer| {
        let started = started.clone();
        async move {
            started.send(()).await.unwrap();
            std::future::pending().await
        }
    });
    let _busy = connect(served.address, GET).await;
    has_started.recv().await.unwrap();
    let start = Instant::now();
    served.stop.send(()).unwrap();
    served.end.await.unwrap();
    assert!(start.elapsed() < DRAIN_GRACE + Duration::from_secs(1), "{:?}", start.elapsed());
}
