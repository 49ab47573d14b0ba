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

struct piece { enum { LITERAL, KEY, ID } kind; struct text text; };

struct argument { struct piece *pieces; size_t piece_count, literal_size, key_count, id_count; };

struct template { struct argument *arguments; size_t argument_count, size_max; };

struct argument parse_argument(const char *start, size_t size);
size_t argument_size(const struct argument *argument, size_t key_size, size_t id_size);
size_t put_argument(char *out, const struct argument *argument, struct text key, uint64_t id);

/* ---- Protocols (loadgen_protocols.c): how a request is framed, and where a reply ends */

struct reply { struct text body; bool is_error; };

struct protocol {
    const char *name;
    bool by_line; /* a template has one argument per line; otherwise it is one argument, and has an id */
    /* Write a request of at most `size_max` bytes; return its size. */
    size_t (*put_request)(char *out, const struct template *template, struct text key, uint64_t id);
    /* Size of the first reply in `data`, 0 when it is not whole yet. `id` is what it must answer. Ends on a breach. */
    size_t (*take_reply)(struct text data, uint64_t id, struct reply *reply);
};

/* NULL when there is none of that name. */
const struct protocol *find_protocol(const char *name);

#endif
