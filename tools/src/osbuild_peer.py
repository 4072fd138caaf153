#!/usr/bin/env python3
"""Stands in for osbuild, with the standard library only: its host, and a service of its kind.

osbuild_peer.py --service-id ID --service-fd N   is a service
osbuild_peer.py host FILE ARGUMENT...            starts FILE as osbuild's host would, and does what the lines of its
                                                 standard input say; answers each with a line
"""
import array, json, os, signal, socket, subprocess, sys, time, traceback

MARKER = b"<args-via-fd>"


def wmem_max():
    with open("/proc/sys/net/core/wmem_max", encoding="ascii") as file:
        return int(file.read())


def send_packet(sock, data, fds=()):
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    sock.sendmsg([data], rights)


def payload(data):
    fd = os.memfd_create("jsoncomm/payload", os.MFD_CLOEXEC)
    while data:
        data = data[os.write(fd, data):]
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def send(sock, document, fds=()):
    data = json.dumps(document).encode()
    if len(data) <= wmem_max():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, len(data))
        send_packet(sock, data, fds)
        return
    fd = payload(data)
    send_packet(sock, MARKER, [fd, *fds])
    os.close(fd)


def receive(sock):
    """Returns the document, its descriptors, and how it came; three Nones at the end."""
    size = 4096
    while True:
        peeked, _, flags, _ = sock.recvmsg(size, 0, socket.MSG_PEEK)
        if not peeked:
            return None, None, None
        if not flags & socket.MSG_TRUNC:
            break
        size *= 2
    data, control, flags, _ = sock.recvmsg(size, socket.CMSG_LEN(4 * 253))
    fds = array.array("i")
    for _, _, rights in control:
        fds.frombytes(rights)
    if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
        raise BufferError
    fds = list(fds)
    how = "inline"
    if data == MARKER:
        with os.fdopen(fds.pop(0), "rb") as file:
            data = file.read()
        how = "file"
    return json.loads(data), fds, how


def content(fd):
    with open(f"/proc/self/fd/{fd}", "rb") as file:
        return file.read(65536).decode()


def text_file(text):
    fd = os.memfd_create("text")
    os.write(fd, text.encode())
    return fd


def close_all(fds):
    for fd in fds:
        os.close(fd)


# A service.


class Service:
    def __init__(self, name, fd):
        self.name = name
        self.sock = socket.socket(fileno=os.dup(fd))
        self.sock.setblocking(True)
        os.close(fd)

    def signal(self, value, fds=()):
        send(self.sock, {"type": "signal", "data": {"reply": value}}, fds)

    def reply(self, value, fds=()):
        send(self.sock, {"type": "reply", "data": {"reply": value}}, fds)

    def main(self):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        while True:
            message, fds, how = receive(self.sock)
            if not message:
                break
            reply_fds = []
            try:
                if message["type"] != "method":
                    raise RuntimeError(f"unknown message type: {message['type']}")
                name, args = message["data"]["name"], message["data"]["args"]
                answer = getattr(self, "do_" + name)(args, fds, how)
                if answer is None:
                    continue
                value, reply_fds = answer
                self.reply(value, reply_fds)
            except Exception as error:
                data = {
                    "name": type(error).__name__,
                    "value": str(error),
                    "backtrace": "".join(traceback.format_tb(error.__traceback__)),
                }
                send(self.sock, {"type": "exception", "data": data})
            finally:
                close_all(reply_fds)
                close_all(fds)
        self.stop()

    def stop(self):
        print("stopped", flush=True)

    def do_echo(self, args, fds, how):
        return args, [os.dup(fd) for fd in fds]

    def do_identify(self, args, fds, how):
        return self.name, []

    def do_how(self, args, fds, how):
        return how, []

    def do_ends(self, args, fds, how):
        """Of a long text: its length, and its last characters."""
        return [len(args), args[-10:]], []

    def do_long(self, args, fds, how):
        return "x" * args, []

    def do_copy(self, args, fds, how):
        return [content(fd) for fd in fds], [text_file("copy of " + content(fd)) for fd in fds]

    def do_blocks(self, args, fds, how):
        """Whether descriptors are open here, and pass on to programs."""
        return [os.get_inheritable(fd) for fd in fds], []

    def do_open_files(self, args, fds, how):
        return len(os.listdir("/proc/self/fd")), []

    def do_count(self, args, fds, how):
        for i in range(args):
            self.signal(i)
        return "counted", []

    def do_signal_file(self, args, fds, how):
        fd = text_file(args)
        self.signal("here", [fd])
        os.close(fd)
        return None, []

    def do_fail(self, args, fds, how):
        raise FileNotFoundError(args)

    def do_say(self, args, fds, how):
        """Sends these documents, whatever they are."""
        for document in args:
            send(self.sock, document)

    def do_send_text(self, args, fds, how):
        fds = [text_file("x") for _ in range(args.get("fds", 0))]
        send_packet(self.sock, args["text"].encode(), fds)
        close_all(fds)

    def do_reply_then(self, args, fds, how):
        """Answers, waits, and says something more."""
        self.reply("first")
        time.sleep(args[0])
        send(self.sock, args[1])

    def do_sleep(self, args, fds, how):
        time.sleep(args)
        return "slept", []

    def do_never(self, args, fds, how):
        return None

    def do_exit(self, args, fds, how):
        print("last words", flush=True)
        os._exit(args)

    def do_end(self, args, fds, how):
        self.sock.close()
        time.sleep(args)
        os._exit(0)


# A host.


class Host:
    def __init__(self, argv):
        self.argv = argv
        self.sock, self.process = None, None

    def start(self, request):
        self.sock, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        fd = theirs.fileno()
        self.process = subprocess.Popen(
            [*self.argv, "--service-id", request.get("id", "device/test"), "--service-fd", str(fd)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **request.get("environment", {})},
            pass_fds=(fd,),
        )
        theirs.close()
        return {"pid": self.process.pid}

    def call(self, request):
        fds = [text_file(text) for text in request.get("fds", [])]
        try:
            args = request.get("args", None)
            if args is None:
                args = []
            if "long" in request:
                args = "y" * request["long"]
            send(self.sock, {"type": "method", "data": {"name": request["method"], "args": args}}, fds)
        except BrokenPipeError:
            return {"end": "broken pipe"}
        finally:
            close_all(fds)
        signals = []
        while True:
            answer = self.receive(request)
            if "end" in answer:
                return {**answer, "signals": signals}
            message = answer.pop("document")
            if message["type"] == "signal":
                signals.append({**answer, "value": message["data"]["reply"]})
            else:
                return {**answer, **message["data"], "type": message["type"], "signals": signals}

    def receive(self, request):
        try:
            document, fds, how = receive(self.sock)
        except ConnectionResetError:
            return {"end": "reset"}
        if how is None:
            return {"end": "end"}
        if request.get("brief") and document["type"] == "reply":
            document["data"]["reply"] = len(document["data"]["reply"])
        texts = [content(fd) for fd in fds]
        close_all(fds)
        return {"document": document, "how": how, "fds": texts}

    def send(self, request):
        data = request["text"].encode("utf-8", "surrogatepass")
        fds = [text_file(text) for text in request.get("fds", [])]
        if request.get("payload"):
            fds.insert(0, payload(data))
            data = MARKER
        send_packet(self.sock, data, fds)
        close_all(fds)
        return {}

    def signal(self, request):
        self.process.send_signal(request["signal"])
        return {}

    def stop(self, request):
        if self.sock is not None:
            self.sock.close()
        output = self.process.stdout.read().decode()
        return {"status": self.process.wait(), "output": output}

    def main(self):
        for line in sys.stdin:
            request = json.loads(line)
            answer = getattr(self, request["do"])(request)
            print(json.dumps(answer), flush=True)
        if self.sock is not None:
            self.sock.close()
            self.process.wait()


def main():
    if sys.argv[1] == "host":
        Host(sys.argv[2:]).main()
    else:
        at = sys.argv.index("--service-fd")
        name = sys.argv[sys.argv.index("--service-id") + 1]
        Service(name, int(sys.argv[at + 1])).main()


if __name__ == "__main__":
    main()
