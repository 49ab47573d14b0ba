/* loadgen: drive one server over many connections, check every reply, tell how fast they came.

       template + key -> request -> connection -> [server] -> reply -> checked -> histogram -> one line of JSON

   A closed loop, as redis-benchmark is: each connection keeps --pipeline requests in flight and sends the next ones when
   replies came in. One thread, one epoll set. The same workload is told once for each protocol, as templates that take
   turns:

       objserver    the JSON body of a frame; {{id}} stands for a number that no other request has
       redis        one argument of the command per line
       memcached    `get` or `set`, the key, the value, one per line
       postgresql   SQL on the first line, the value of a parameter on each other one
       tarantool    the name of a function on the first line, an argument, as text, on each other one
       all          {{key}} stands for the request's key, the same one wherever it occurs; {{key1}} and {{key2}} for what
                    stands before and after its first space

   Promise: a figure is printed only when every request got exactly one reply, in order, in frames that are whole. A reply
   that is an error, or lacks what --expect says, is counted and the first one is shown.

   Exit status: 0  every reply was right
                1  some replies were errors or not the expected ones; the line is printed all the same
                2  the arguments can't be used
                3  the server was not reached, broke the protocol, closed too early or stopped answering; no line
*/
#define _GNU_SOURCE
#include "loadgen.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Enough for some tens of small replies; pages that are never touched cost nothing. */
#define INPUT_SIZE_FIRST (16u << 10)
#define CONNECTIONS_MAX 60000
#define PIPELINE_MAX 10000
#define KEYS_MAX 50000000
#define TEMPLATES_MAX 100
#define NS_PER_SECOND UINT64_C(1000000000)

_Noreturn void give_up(int status, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    fputs("loadgen: ", stderr);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    va_end(values);
    exit(status);
}

void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        give_up(STATUS_USAGE, "no memory for %zu times %zu bytes; ask for fewer connections", count, size);
    return memory;
}

size_t put_number(char *out, uint64_t number)
{
    char digits[DIGITS_MAX];
    size_t count = 0;
    do
        digits[count++] = (char)('0' + number % 10);
    while (number /= 10);
    for (size_t i = 0; i < count; i++)
        out[i] = digits[count - 1 - i];
    return count;
}

const char *shown(struct text text)
{
    static char buffer[SHOWN_SIZE_MAX + 4];
    while (text.size > 0 && (text.start[text.size - 1] == '\n' || text.start[text.size - 1] == '\r'))
        text.size--;
    size_t size = text.size < SHOWN_SIZE_MAX ? text.size : SHOWN_SIZE_MAX;
    for (size_t i = 0; i < size; i++)
        buffer[i] = text.start[i] >= 0x20 && text.start[i] < 0x7f ? text.start[i] : '?';
    strcpy(buffer + size, size < text.size ? "..." : "");
    return buffer;
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

/* ---- Histogram: buckets that grow with the value, so that each figure is right to 1 part in 128 (the idea is Gil Tene's
   HdrHistogram). Below 2 * 128 ns a bucket is one nanosecond wide. */

#define SUB_BITS 7
#define BUCKETS ((64 - SUB_BITS + 1) << SUB_BITS)

static uint64_t histogram[BUCKETS];
static uint64_t latency_ns_max;

static size_t bucket_of(uint64_t value)
{
    int shift = 63 - __builtin_clzll(value | 1) - SUB_BITS;
    if (shift <= 0)
        return (size_t)value;
    return ((size_t)shift << SUB_BITS) + (size_t)(value >> shift);
}

/* The largest value that falls into `bucket`. */
static uint64_t bucket_top(size_t bucket)
{
    size_t shift = bucket >> SUB_BITS;
    if (shift <= 1)
        return bucket;
    shift -= 1;
    return (((uint64_t)(bucket - (shift << SUB_BITS)) + 1) << shift) - 1;
}

static void record_latency(uint64_t ns)
{
    histogram[bucket_of(ns)]++;
    if (ns > latency_ns_max)
        latency_ns_max = ns;
}

/* The latency in microseconds that `per_mille` thousandths of the `count` replies did not exceed. */
static double percentile_us(uint64_t count, uint64_t per_mille)
{
    uint64_t rank = (count * per_mille + 999) / 1000, seen = 0;
    for (size_t bucket = 0; bucket < BUCKETS; bucket++) {
        seen += histogram[bucket];
        if (seen >= rank && seen > 0) {
            uint64_t top = bucket_top(bucket);
            return (double)(top < latency_ns_max ? top : latency_ns_max) / 1000;
        }
    }
    return 0;
}

/* ---- The run: what was asked for, and what is counted */

struct waiting { uint64_t id, sent_ns; size_t key; const struct template *template; };

struct connection {
    int fd;
    bool wants_write;
    char *output; /* room for a greeting or `pipeline` requests: no more can be unsent, as no more are in flight */
    size_t output_start, output_end;
    char *input;
    size_t input_size, input_capacity;
    struct waiting *waiting; /* a ring of `pipeline`; `oldest` is answered next */
    size_t oldest, in_flight;
};

static const struct protocol *protocol;
static struct template templates[TEMPLATES_MAX];
static uint64_t replied_by_template[TEMPLATES_MAX];
static size_t template_count, request_size_max;
static struct text statement;
static char *expected_text;
static struct text *keys;
static size_t key_count;
static bool sequential;
static uint64_t random_state;
static size_t connection_count = 50, pipeline = 1;
static uint64_t request_count, seconds_ns, stall_ns = 60 * NS_PER_SECOND;
static int epoll_fd;
static uint64_t issued, replied, in_flight, errors, wrong, bytes_sent, bytes_received, last_reply_ns;
static bool issuing = true;
static char first_error[SHOWN_SIZE_MAX + 4];
static volatile sig_atomic_t told_to_stop;

static void on_stop(int number)
{
    (void)number;
    told_to_stop = 1;
}

/* Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014); scaled by Lemire's multiplication. */
static size_t next_key(void)
{
    if (sequential)
        return (size_t)(issued % key_count);
    uint64_t bits = random_state += UINT64_C(0x9e3779b97f4a7c15);
    bits = (bits ^ bits >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    bits = (bits ^ bits >> 27) * UINT64_C(0x94d049bb133111eb);
    return (size_t)((unsigned __int128)(bits ^ bits >> 31) * key_count >> 64);
}

static void watch_writable(struct connection *connection, bool wanted)
{
    if (connection->wants_write == wanted)
        return;
    connection->wants_write = wanted;
    struct epoll_event event = {.events = EPOLLIN | (wanted ? (uint32_t)EPOLLOUT : 0), .data.ptr = connection};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, connection->fd, &event))
        breach("epoll: %s", strerror(errno));
}

static void flush(struct connection *connection)
{
    while (connection->output_start < connection->output_end) {
        ssize_t sent = send(connection->fd, connection->output + connection->output_start,
                            connection->output_end - connection->output_start, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (sent < 0)
            breach("sending, with %zu requests unanswered: %s", connection->in_flight, strerror(errno));
        connection->output_start += (size_t)sent;
        bytes_sent += (uint64_t)sent;
    }
    if (connection->output_start == connection->output_end)
        connection->output_start = connection->output_end = 0;
    watch_writable(connection, connection->output_end > 0);
}

/* Bring the connection to `pipeline` requests in flight and send what can be sent now. */
static void refill(struct connection *connection)
{
    uint64_t now = now_ns();
    size_t unsent = connection->output_end - connection->output_start;
    memmove(connection->output, connection->output + connection->output_start, unsent);
    connection->output_start = 0;
    connection->output_end = unsent;
    while (issuing && connection->in_flight < pipeline) {
        size_t slot = (connection->oldest + connection->in_flight) % pipeline, key = next_key();
        const struct template *template = &templates[issued % template_count];
        connection->waiting[slot] = (struct waiting){.id = ++issued, .sent_ns = now, .key = key, .template = template};
        connection->output_end +=
            protocol->put_request(connection->output + connection->output_end, template, keys[key], issued);
        connection->in_flight++;
        in_flight++;
        if (issued == request_count)
            issuing = false;
    }
    flush(connection);
}

static void count_reply(const struct reply *reply, const struct waiting *request, uint64_t now)
{
    bool is_wrong = false;
    if (!reply->is_error && request->template->has_expected) {
        size_t size = put_argument(expected_text, &request->template->expected, keys[request->key], request->id);
        is_wrong = !memmem(reply->body.start, reply->body.size, expected_text, size);
    }
    errors += reply->is_error;
    wrong += is_wrong;
    if ((reply->is_error || is_wrong) && !*first_error)
        strcpy(first_error, shown(reply->body));
    record_latency(now - request->sent_ns);
    replied_by_template[request->template->number]++;
    replied++;
}

/* Take out the request that a reply answers. It is the oldest where a protocol answers in order. */
static struct waiting take_waiting(struct connection *connection, const struct reply *reply)
{
    struct waiting *oldest = &connection->waiting[connection->oldest];
    for (size_t i = 0; i < connection->in_flight; i++) {
        struct waiting *found = &connection->waiting[(connection->oldest + i) % pipeline], request = *found;
        if (request.id != reply->id)
            continue;
        *found = *oldest;
        connection->oldest = (connection->oldest + 1) % pipeline;
        connection->in_flight--;
        in_flight--;
        return request;
    }
    breach("a reply that no request asked for: %s", shown(reply->body));
}

static void receive(struct connection *connection)
{
    if (connection->input_size == connection->input_capacity) {
        connection->input_capacity = connection->input_capacity ? 2 * connection->input_capacity : INPUT_SIZE_FIRST;
        connection->input = realloc(connection->input, connection->input_capacity);
        if (!connection->input)
            give_up(STATUS_USAGE, "no memory for replies of %zu bytes", connection->input_capacity);
    }
    ssize_t received = recv(connection->fd, connection->input + connection->input_size,
                            connection->input_capacity - connection->input_size, 0);
    if (received < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK))
        return;
    if (received <= 0 && connection->in_flight == 0) { /* nobody waits here any more */
        epoll_ctl(epoll_fd, EPOLL_CTL_DEL, connection->fd, NULL);
        return;
    }
    if (received <= 0)
        breach("the server closed a connection with %zu requests unanswered and %zu bytes of a reply: %s",
               connection->in_flight, connection->input_size, received ? strerror(errno) : "end of stream");
    uint64_t now = now_ns();
    bytes_received += (uint64_t)received;
    connection->input_size += (size_t)received;
    size_t at = 0;
    while (at < connection->input_size) {
        struct text data = {connection->input + at, connection->input_size - at};
        if (connection->in_flight == 0)
            breach("a reply that no request asked for: %s", shown(data));
        struct reply reply = {.id = connection->waiting[connection->oldest].id};
        size_t size = protocol->take_reply(data, &reply);
        if (size == 0)
            break;
        struct waiting request = take_waiting(connection, &reply);
        count_reply(&reply, &request, now);
        last_reply_ns = now;
        at += size;
    }
    connection->input_size -= at;
    memmove(connection->input, connection->input + at, connection->input_size);
    if (at > 0)
        refill(connection);
}

static double run(struct connection *connections)
{
    struct epoll_event events[1024];
    uint64_t start_ns = last_reply_ns = now_ns();
    for (size_t i = 0; i < connection_count; i++)
        refill(&connections[i]);
    while (in_flight > 0) {
        uint64_t now = now_ns();
        if (told_to_stop || (seconds_ns && now - start_ns >= seconds_ns))
            issuing = false;
        if (now - last_reply_ns >= stall_ns)
            breach("no reply for %.1f s with %llu requests unanswered", (double)(now - last_reply_ns) / 1e9,
                   (unsigned long long)in_flight);
        int wait_ms = (int)((stall_ns - (now - last_reply_ns)) / 1000000) + 1;
        int count = epoll_wait(epoll_fd, events, sizeof events / sizeof *events, wait_ms);
        if (count < 0 && errno != EINTR)
            breach("epoll: %s", strerror(errno));
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            if (events[i].events & EPOLLOUT)
                flush(connection);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                receive(connection);
        }
    }
    return (double)(last_reply_ns - start_ns) / 1e9;
}

/* ---- Connections */

struct address { struct sockaddr_storage storage; socklen_t size; };

static struct address resolve(const char *text)
{
    struct address address = {.size = 0};
    if (!strncmp(text, "unix:", 5)) {
        struct sockaddr_un *local = (struct sockaddr_un *)&address.storage;
        if (strlen(text + 5) >= sizeof local->sun_path)
            usage("the socket's path %s is too long; %zu bytes are possible", text + 5, sizeof local->sun_path - 1);
        local->sun_family = AF_UNIX;
        strcpy(local->sun_path, text + 5);
        address.size = sizeof *local;
        return address;
    }
    const char *colon = strrchr(text, ':');
    if (!colon || colon == text)
        usage("address %s is neither HOST:PORT nor unix:PATH", text);
    bool bracketed = text[0] == '[' && colon[-1] == ']';
    char *host = strndup(text + bracketed, (size_t)(colon - text) - 2 * bracketed);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int failure = getaddrinfo(host, colon + 1, &hints, &found);
    if (failure)
        usage("address %s: %s", text, gai_strerror(failure));
    memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
    address.size = found->ai_addrlen;
    freeaddrinfo(found);
    free(host);
    return address;
}

/* Exchange greetings on a connection that still blocks, before anything is measured. */
static void greet(struct connection *connection)
{
    size_t size = 0;
    if (protocol->put_greeting)
        size = protocol->put_greeting(connection->output, templates, template_count, statement);
    for (ssize_t sent; size > 0; size -= (size_t)sent) {
        sent = send(connection->fd, connection->output, size, MSG_NOSIGNAL);
        if (sent < 0)
            breach("sending a greeting: %s", strerror(errno));
        memmove(connection->output, connection->output + sent, size - (size_t)sent);
    }
    char heard[INPUT_SIZE_FIRST];
    for (size_t heard_size = 0; protocol->take_greeting;) {
        ssize_t received = recv(connection->fd, heard + heard_size, sizeof heard - heard_size, 0);
        if (received <= 0)
            breach("the server's greeting is not whole: %s; it begins: %s", received ? strerror(errno) : "end of stream",
                   shown((struct text){heard, heard_size}));
        heard_size += (size_t)received;
        size = protocol->take_greeting((struct text){heard, heard_size});
        if (size && size < heard_size)
            breach("the server says more than its greeting: %s", shown((struct text){heard + size, heard_size - size}));
        if (size)
            return;
    }
}

static void connect_all(struct connection *connections, const char *text)
{
    struct address address = resolve(text);
    struct rlimit files = {0, 0};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_max < connection_count + 16)
        usage("%zu connections need more open files than the %llu allowed here", connection_count,
              (unsigned long long)files.rlim_max);
    size_t greeting_size_max = GREETING_SIZE_MAX + statement.size;
    for (size_t i = 0; i < template_count; i++)
        greeting_size_max += templates[i].size_max;
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        breach("epoll: %s", strerror(errno));
    struct timeval patience = {.tv_sec = (time_t)(stall_ns / NS_PER_SECOND),
                               .tv_usec = (suseconds_t)(stall_ns % NS_PER_SECOND / 1000)};
    for (size_t i = 0; i < connection_count; i++) {
        struct connection *connection = &connections[i];
        int fd = connection->fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        /* Blocking until it stands: a full backlog then makes us wait instead of failing. */
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) ||
            setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) ||
            connect(fd, (struct sockaddr *)&address.storage, address.size))
            breach("connection %zu to %s: %s", i + 1, text, strerror(errno));
        if (address.storage.ss_family != AF_UNIX)
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        connection->output = allocate(1, pipeline * request_size_max + greeting_size_max);
        connection->waiting = allocate(pipeline, sizeof *connection->waiting);
        greet(connection);
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event))
            breach("epoll: %s", strerror(errno));
    }
}

/* ---- Arguments */

static double parse_number(const char *name, const char *text, double least, double most)
{
    char *stop;
    double number = strtod(text, &stop);
    if (stop == text || *stop || !(number >= least && number <= most))
        usage("--%s %s is not a number from %.10g to %.10g", name, text, least, most);
    return number;
}

static void add_key(const char *start, size_t size)
{
    static size_t capacity;
    if (key_count == KEYS_MAX)
        usage("more than %d keys", KEYS_MAX);
    if (key_count == capacity) {
        capacity = capacity ? 2 * capacity : 1024;
        keys = realloc(keys, capacity * sizeof *keys);
        if (!keys)
            usage("no memory for %zu keys", capacity);
    }
    keys[key_count++] = (struct text){start, size};
}

static void number_keys(size_t count)
{
    char *at = allocate(count, DIGITS_MAX);
    for (size_t i = 0; i < count; i++) {
        size_t size = put_number(at, i);
        add_key(at, size);
        at += size;
    }
}

static void read_keys(const char *path)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    if (!file)
        usage("keys %s: %s", path, strerror(errno));
    while ((size = getline(&line, &capacity, file)) > 0) {
        size -= line[size - 1] == '\n';
        if (size > 0)
            add_key(memcpy(allocate((size_t)size, 1), line, (size_t)size), (size_t)size);
    }
    if (ferror(file) || key_count == 0)
        usage("keys %s: %s", path, ferror(file) ? strerror(errno) : "there is none in it");
    fclose(file);
    free(line);
}

static void read_template(struct template *template, const char *text)
{
    size_t size = strlen(text), lines = 1, ids = 0;
    for (size_t i = 0; i < size && protocol->by_line; i++)
        lines += text[i] == '\n';
    template->arguments = allocate(lines, sizeof *template->arguments);
    for (const char *at = text; template->argument_count < lines; template->argument_count++) {
        size_t length = protocol->by_line ? strcspn(at, "\n") : size;
        struct argument *argument = &template->arguments[template->argument_count];
        *argument = parse_argument(at, length);
        ids += argument->id_count;
        at += length + 1;
    }
    if (ids != (protocol->by_line ? 0 : 1))
        usage("the template has {{id}} %zu times; objserver's needs it once, the others never", ids);
    if (protocol == &MEMCACHED && lines != (template->arguments[0].literal_size && *text == 's' ? 3 : 2))
        usage("memcached takes `get` and a key, or `set`, a key and a value");
}

/* Read the templates now that the protocol and the keys are known; make room for the longest of their requests. */
static void read_templates(const char **texts)
{
    size_t key_size = 0, uses = 0, expected_size = 0;
    bool has_columns = false;
    for (size_t i = 0; i < template_count; i++) {
        struct template *template = &templates[i];
        read_template(template, texts[i]);
        template->number = i;
        for (size_t j = 0; j < template->argument_count; j++) {
            uses += template->arguments[j].key_count;
            has_columns |= template->arguments[j].has_columns;
        }
    }
    if (uses && !keys)
        usage("the template has {{key}}; say --key-count or --key-file");
    if (!keys)
        add_key("", 0);
    for (size_t i = 0; i < key_count; i++) {
        key_size = keys[i].size > key_size ? keys[i].size : key_size;
        if (has_columns && !memchr(keys[i].start, ' ', keys[i].size))
            usage("key %s has no space, but the template asks for {{key1}} or {{key2}}", shown(keys[i]));
        for (size_t j = 0; j < keys[i].size && !protocol->by_line; j++)
            if ((unsigned char)keys[i].start[j] < 0x20 || keys[i].start[j] == '"' || keys[i].start[j] == '\\')
                usage("key %s can't stand between JSON's quotes as it is", shown(keys[i]));
    }
    for (size_t i = 0; i < template_count; i++) {
        struct template *template = &templates[i];
        template->size_max = FRAMING_SIZE_MAX;
        for (size_t j = 0; j < template->argument_count; j++)
            template->size_max += argument_size_max(&template->arguments[j], key_size) + FRAMING_SIZE_MAX;
        request_size_max = template->size_max > request_size_max ? template->size_max : request_size_max;
        size_t size = argument_size_max(&template->expected, key_size);
        expected_size = size > expected_size ? size : expected_size;
    }
    expected_text = allocate(expected_size + 1, 1);
}

static const struct protocol *find_protocol(const char *name)
{
    static const struct protocol *const PROTOCOLS[] = {&OBJSERVER, &REDIS, &MEMCACHED, &POSTGRESQL, &TARANTOOL};
    for (size_t i = 0; i < sizeof PROTOCOLS / sizeof *PROTOCOLS; i++)
        if (!strcmp(name, PROTOCOLS[i]->name))
            return PROTOCOLS[i];
    return NULL;
}

static const char HELP[] =
    "loadgen: drive a server over many connections, check every reply, print one line of JSON\n\n"
    "  --protocol NAME      objserver, redis, memcached, postgresql or tarantool\n"
    "  --address ADDRESS    HOST:PORT or unix:PATH\n"
    "  --template TEXT      objserver: a JSON body with {{id}}; the others: one argument per line; {{key}} in all;\n"
    "                       given several times, they take turns\n"
    "  --statement SQL      postgresql: run once in each connection before anything is measured\n"
    "  --connections N      default 50\n"
    "  --pipeline N         requests in flight on each connection, default 1\n"
    "  --requests N         in all, or\n"
    "  --seconds S          how long; SIGTERM and SIGINT end a run early, with its figures\n"
    "  --key-count N        keys are 0 to N - 1, or\n"
    "  --key-file PATH      keys are the lines of a file\n"
    "  --key-order ORDER    random (default) or sequential\n"
    "  --seed N             of the random keys, default 1\n"
    "  --expect TEXT        every reply to the template before it must contain this; may have {{key}}\n"
    "  --stall-seconds S    give up when nothing is answered for so long, default 60\n";

static const char *parse_arguments(int count, char **values)
{
    static const struct option OPTIONS[] = {
        {"protocol", 1, 0, 'o'},  {"address", 1, 0, 'a'},   {"template", 1, 0, 't'},  {"connections", 1, 0, 'c'},
        {"pipeline", 1, 0, 'p'},  {"requests", 1, 0, 'n'},  {"seconds", 1, 0, 's'},   {"key-count", 1, 0, 'k'},
        {"key-file", 1, 0, 'f'},  {"key-order", 1, 0, 'r'}, {"seed", 1, 0, 'd'},      {"expect", 1, 0, 'e'},
        {"stall-seconds", 1, 0, 'l'}, {"statement", 1, 0, 'q'}, {"help", 0, 0, 'h'},  {0, 0, 0, 0}};
    const char *address = NULL, *texts[TEMPLATES_MAX];
    int option, index;
    random_state = 1;
    while ((option = getopt_long(count, values, "", OPTIONS, &index)) != -1) {
        const char *name = option == '?' ? "" : OPTIONS[index].name;
        if ((option == 'k' || option == 'f') && keys)
            usage("the keys are given twice");
        switch (option) {
        case 'o':
            protocol = find_protocol(optarg);
            if (!protocol)
                usage("protocol %s is not known; see --help", optarg);
            break;
        case 'a': address = optarg; break;
        case 't':
            if (template_count == TEMPLATES_MAX)
                usage("more than %d templates", TEMPLATES_MAX);
            texts[template_count++] = optarg;
            break;
        case 'c': connection_count = (size_t)parse_number(name, optarg, 1, CONNECTIONS_MAX); break;
        case 'p': pipeline = (size_t)parse_number(name, optarg, 1, PIPELINE_MAX); break;
        case 'n': request_count = (uint64_t)parse_number(name, optarg, 1, 1e15); break;
        case 's': seconds_ns = (uint64_t)(parse_number(name, optarg, 0.001, 1e6) * 1e9); break;
        case 'k': number_keys((size_t)parse_number(name, optarg, 1, KEYS_MAX)); break;
        case 'f': read_keys(optarg); break;
        case 'r':
            sequential = !strcmp(optarg, "sequential");
            if (!sequential && strcmp(optarg, "random"))
                usage("key order %s is neither random nor sequential", optarg);
            break;
        case 'd': random_state = (uint64_t)parse_number(name, optarg, 0, 1e15); break;
        case 'e':
            if (!template_count)
                usage("--expect stands before the --template it is about");
            templates[template_count - 1].expected = parse_argument(optarg, strlen(optarg));
            templates[template_count - 1].has_expected = true;
            break;
        case 'l': stall_ns = (uint64_t)(parse_number(name, optarg, 0.001, 1e6) * 1e9); break;
        case 'q': statement = (struct text){optarg, strlen(optarg)}; break;
        case 'h': fputs(HELP, stdout); exit(STATUS_RIGHT);
        default: exit(STATUS_USAGE);
        }
    }
    if (optind < count)
        usage("%s is not expected", values[optind]);
    if (!protocol || !address || !template_count)
        usage("--protocol, --address and --template are needed; see --help");
    if (!request_count == !seconds_ns)
        usage("say either --requests or --seconds");
    if (statement.size && !protocol->put_greeting)
        usage("--statement is for postgresql");
    read_templates(texts);
    return address;
}

static void print_figures(double seconds)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                 (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    printf("{\"requests\": %llu, \"errors\": %llu, \"wrong\": %llu, \"seconds\": %.6f, \"throughput\": %.1f, "
           "\"latency_us\": {\"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, \"p99.9\": %.1f, \"max\": %.1f}, "
           "\"bytes_sent\": %llu, \"bytes_received\": %llu, \"cpu_seconds\": %.3f, \"by_template\": [",
           (unsigned long long)replied, (unsigned long long)errors, (unsigned long long)wrong, seconds,
           seconds > 0 ? (double)replied / seconds : 0, percentile_us(replied, 500), percentile_us(replied, 900),
           percentile_us(replied, 990), percentile_us(replied, 999), (double)latency_ns_max / 1000,
           (unsigned long long)bytes_sent, (unsigned long long)bytes_received, cpu);
    for (size_t i = 0; i < template_count; i++)
        printf("%s%llu", i ? ", " : "", (unsigned long long)replied_by_template[i]);
    printf("], \"first_error\": ");
    if (*first_error) {
        putchar('"');
        for (const char *at = first_error; *at; at++)
            printf(*at == '"' || *at == '\\' ? "\\%c" : "%c", *at);
        puts("\"}");
    } else
        puts("null}");
}

int main(int count, char **values)
{
    const char *address = parse_arguments(count, values);
    struct connection *connections = allocate(connection_count, sizeof *connections);
    struct sigaction stop = {.sa_handler = on_stop};
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    connect_all(connections, address);
    print_figures(run(connections));
    return errors || wrong ? STATUS_ERRORS : STATUS_RIGHT;
}
