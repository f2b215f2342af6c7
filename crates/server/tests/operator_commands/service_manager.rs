//! The messages of `roomcast serve` to the service manager, which systemd reads from the socket `NOTIFY_SOCKET`.

use std::os::unix::net::UnixDatagram;

use rustix::process::{Pid, Signal, kill_process};

use crate::folder;
use crate::running::Running;

#[test]
fn service_manager_receives_ready_signs_of_life_and_stop() {
    let folder = folder();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let next = || {
        let mut bytes = [0; 4096];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    };
    let environment = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "200000"), ("DRAIN_SECONDS", "2s")];
    let mut server = Running::start(&environment);
    assert_eq!(next(), "READY=1\n");
    for _ in 0..3 {
        assert_eq!(next(), "WATCHDOG=1\n");
    }
    kill_process(Pid::from_child(&server.child), Signal::TERM).unwrap();
    let stopping = std::iter::repeat_with(next).find(|message| message != "WATCHDOG=1\n").unwrap();
    assert_eq!(stopping, "STOPPING=1\nEXTEND_TIMEOUT_USEC=7000000\n");
    assert!(server.child.wait().unwrap().success());
}

#[test]
fn server_starts_without_a_service_manager() {
    let folder = folder();
    let nowhere = folder.path().join("nothing-listens-here");
    // A socket that is gone is a line in the log.
    let server = Running::start(&[("NOTIFY_SOCKET", nowhere.to_str().unwrap())]);
    assert!(std::net::TcpStream::connect(("127.0.0.1", server.port.parse().unwrap())).is_ok());
}
