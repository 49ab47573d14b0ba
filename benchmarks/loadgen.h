/* What the parts of loadgen share: how it ends, pieces of text, templates, protocols. */
#ifndef LOADGEN_H
#define LOADGEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STATUS_RIGHT = 0, STATUS_ERRORS = 1, STATUS_USAGE = 2, STATUS_BREACH = 3 };

#define DIGITS_MAX 20 /* of a 64-bit number */
#define SHOWN_SIZE_MAX 400

/* Say why on standard error, and end. */
_Noreturn void give_up(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define usage(...) give_up(STATUS_USAGE, __VA_ARGS__)
#define breach(...) give_up(STATUS_BREACH, __VA_ARGS__)

/* Zeroed memory, never NULL. */
void *allocate(size_t count, size_t size);

/* Bytes that somebody else keeps. */
struct text { const char *start; size_t size; };

/* Write `number` in decimal without a final zero byte; return the count of digits. */
size_t put_number(char *out, uint64_t number);

/* What can be shown of a text in a message, on one line. The next call overwrites it. */
const char *shown(struct text text);

/* ---- Templates (loadgen_protocols.c) */

/* Of a KEY, `column` is 0 for the whole key, 1 and 2 for what stands before and after its first space. */
struct piece { enum { LITERAL, KEY, ID } kind; int column; struct text text; };

struct argument { struct piece *pieces; size_t piece_count, literal_size, key_count, id_count; bool has_columns; };

struct template {
    struct argument *arguments;
    size_t argument_count, size_max;
    size_t number; /* from 0, among the run's templates */
    struct argument expected; /* every reply must contain it */
    bool has_expected;
};

struct argument parse_argument(const char *start, size_t size);
/* What `put_argument` needs at most, for keys of at most `key_size` bytes; and exactly, where there is no id. */
size_t argument_size_max(const struct argument *argument, size_t key_size);
size_t argument_size(const struct argument *argument, struct text key);
size_t put_argument(char *out, const struct argument *argument, struct text key, uint64_t id);

/* ---- Protocols: how a request is framed, and where a reply ends */

/* `id` says what it answers; it is preset to the oldest request's, for protocols that answer in order. */
struct reply { struct text body; uint64_t id; bool is_error; };

struct protocol {
    const char *name;
    bool by_line; /* a template has one argument per line; otherwise it is one argument, and has an id */
    /* NULL where there is none: what a new connection sends, at most GREETING_SIZE_MAX and each template's `size_max` bytes;
       the size of what the server says before the first request, 0 when that is not whole yet. `statement` is run in each
       connection, if it isn't empty. */
    size_t (*put_greeting)(char *out, const struct template *templates, size_t count, struct text statement);
    size_t (*take_greeting)(struct text data);
    /* Write a request of at most `size_max` bytes; return its size. */
    size_t (*put_request)(char *out, const struct template *template, struct text key, uint64_t id);
    /* Size of the first reply in `data`, 0 when it is not whole yet. Ends on a breach. */
    size_t (*take_reply)(struct text data, struct reply *reply);
};

/* What a request has around each argument at most, and around all of them. */
#define FRAMING_SIZE_MAX 64
#define GREETING_SIZE_MAX 256
/* A reply above this is taken for a broken size field. objserver's own limit is 16 MiB. */
#define REPLY_SIZE_MAX (64u << 20)
/* A line of RESP or memcached: a status, an error, or the size of what follows. */
#define LINE_SIZE_MAX (64u << 10)

/* objserver and redis: loadgen_protocols.c; the others: loadgen_peers.c */
extern const struct protocol OBJSERVER, REDIS, MEMCACHED, POSTGRESQL, TARANTOOL;

/* The number in a line such as `12` or `-3`, which is all of it. */
int64_t line_number(struct text line);
/* Big-endian, of `size` bytes. */
char *put_integer(char *out, uint64_t number, int size);
uint64_t take_integer(const char *at, int size);

#endif
