/* The protocols of memcached, PostgreSQL and Tarantool: templates to requests, bytes to replies. Does no I/O.

       memcached    get KEY, or set KEY VALUE       text; a key that is not there is an error
       postgresql   SQL, then its parameters        protocol 3: prepared once, then Bind, Execute and Sync for each request
       tarantool    function, then its parameters   iproto: CALL with texts; replies may come out of order

   Promise: as in loadgen_protocols.c. PostgreSQL must let user `postgres` in without a password.
*/
#define _GNU_SOURCE
#include "loadgen.h"

#include <string.h>

/* ---- memcached */

static size_t put_memcached(char *out, const struct template *template, struct text key, uint64_t id)
{
    char *at = out;
    at += put_argument(at, &template->arguments[0], key, id);
    *at++ = ' ';
    at += put_argument(at, &template->arguments[1], key, id);
    if (template->argument_count > 2) {
        at = mempcpy(at, " 0 0 ", 5); /* no flags, never expires */
        at += put_number(at, argument_size(&template->arguments[2], key));
        at = mempcpy(at, "\r\n", 2);
        at += put_argument(at, &template->arguments[2], key, id);
    }
    at = mempcpy(at, "\r\n", 2);
    return (size_t)(at - out);
}

/* The line at the start of `data`, without its end; of no text when it isn't whole yet. */
static struct text take_line(struct text data)
{
    const char *stop = memmem(data.start, data.size, "\r\n", 2);
    if (!stop && data.size > LINE_SIZE_MAX)
        breach("a line does not end: %s", shown(data));
    return stop ? (struct text){data.start, (size_t)(stop - data.start)} : (struct text){NULL, 0};
}

static bool starts(struct text text, const char *with)
{
    return text.size >= strlen(with) && !memcmp(text.start, with, strlen(with));
}

static bool equals(struct text text, const char *other)
{
    return text.size == strlen(other) && starts(text, other);
}

static size_t take_memcached(struct text data, struct reply *reply)
{
    struct text line = take_line(data);
    if (!line.start)
        return 0;
    size_t size = line.size + 2;
    if (starts(line, "VALUE ")) { /* key, flags, size of the data that follow, which END follows */
        const char *last = memrchr(line.start, ' ', line.size);
        int64_t count = line_number((struct text){last + 1, (size_t)(line.start + line.size - last - 1)});
        if (count < 0 || count > REPLY_SIZE_MAX)
            breach("memcached claims %lld bytes", (long long)count);
        static const char END[] = "\r\nEND\r\n";
        size += (size_t)count;
        if (data.size < size + strlen(END))
            return 0;
        if (memcmp(data.start + size, END, strlen(END)))
            breach("a value does not end where its size says: %s", shown(line));
        size += strlen(END);
        reply->is_error = false;
    } else if (equals(line, "STORED"))
        reply->is_error = false;
    else if (equals(line, "END") || equals(line, "NOT_STORED") || equals(line, "ERROR") ||
             starts(line, "CLIENT_ERROR ") || starts(line, "SERVER_ERROR "))
        reply->is_error = true;
    else
        breach("no reply of memcached: %s", shown(line));
    reply->body = (struct text){data.start, size};
    return size;
}

const struct protocol MEMCACHED = {"memcached", true, NULL, NULL, put_memcached, take_memcached};

/* ---- PostgreSQL. Source: its manual, chapter "Frontend/Backend Protocol", version 3.0.

       | type | size u32 | ... |        size counts itself and not the type; the first message of all has no type */

static char *put_name(char *out, size_t number)
{
    *out++ = 's';
    out += put_number(out, number);
    *out++ = 0;
    return out;
}

/* Write the size of the message from `start`, which has a type, to `end`. */
static char *close_message(char *start, char *end)
{
    put_integer(start + 1, (uint64_t)(end - start - 1), 4);
    return end;
}

static char *put_sync(char *out)
{
    return mempcpy(out, "S\0\0\0\4", 5);
}

static char *put_run(char *out)
{
    return mempcpy(out, "E\0\0\0\11\0\0\0\0\0", 10); /* the portal without a name, all rows */
}

static size_t put_startup(char *out, const struct template *templates, size_t count, struct text statement)
{
    static const char WORDS[] = "user\0postgres\0database\0postgres\0"; /* and the zero that ends them */
    char *at = put_integer(out, 8 + sizeof WORDS, 4);
    at = put_integer(at, 3 << 16, 4);
    at = mempcpy(at, WORDS, sizeof WORDS);
    if (statement.size) {
        char *start = at;
        *at = 'P';
        at = mempcpy(put_integer(start + 5, 0, 1), statement.start, statement.size);
        at = close_message(start, put_integer(at, 0, 3));
        at = mempcpy(at, "B\0\0\0\14\0\0\0\0\0\0\0\0", 13); /* no parameters */
        at = put_run(at);
    }
    for (size_t i = 0; i < count; i++) {
        char *start = at;
        *start = 'P';
        at = put_name(start + 5, templates[i].number);
        at += put_argument(at, &templates[i].arguments[0], (struct text){"", 0}, 0);
        *at++ = 0;
        at = close_message(start, put_integer(at, 0, 2)); /* the types of parameters are inferred */
    }
    return (size_t)(put_sync(at) - out);
}

static size_t put_execute(char *out, const struct template *template, struct text key, uint64_t id)
{
    char *start = out, *at = out;
    *start = 'B';
    start[5] = 0; /* the portal without a name */
    at = put_name(start + 6, template->number);
    at = put_integer(at, 0, 2); /* all parameters as text */
    at = put_integer(at, template->argument_count - 1, 2);
    for (size_t i = 1; i < template->argument_count; i++) {
        size_t size = put_argument(at + 4, &template->arguments[i], key, id);
        at = put_integer(at, size, 4) + size;
    }
    at = close_message(start, put_integer(at, 0, 2)); /* all columns as text */
    return (size_t)(put_sync(put_run(at)) - out);
}

/* Size of the message at the start of `data`, 0 when it isn't whole yet. */
static size_t take_message(struct text data)
{
    if (data.size == 0)
        return 0;
    if (!*data.start || !strchr("12CDEINRSTZKnst", *data.start))
        breach("no message of PostgreSQL: %s", shown(data));
    if (data.size < 5)
        return 0;
    size_t size = 1 + take_integer(data.start + 1, 4);
    if (size < 5 || size > REPLY_SIZE_MAX)
        breach("a message of PostgreSQL claims %zu bytes", size);
    return size <= data.size ? size : 0;
}

static size_t take_ready(struct text data, struct reply *reply)
{
    bool is_done = false;
    reply->is_error = false;
    for (size_t at = 0, size; (size = take_message((struct text){data.start + at, data.size - at})); at += size) {
        char type = data.start[at];
        is_done |= type == 'C';
        reply->is_error |= type == 'E';
        if (type == 'Z') {
            reply->body = (struct text){data.start, at + size};
            if (!is_done && !reply->is_error)
                breach("neither a result nor an error: %s", shown(reply->body));
            return at + size;
        }
    }
    return 0;
}

/* Ready twice: for queries, and with the statements prepared. */
static size_t take_startup(struct text data)
{
    int ready = 0;
    for (size_t at = 0, size; (size = take_message((struct text){data.start + at, data.size - at})); at += size) {
        struct text message = {data.start + at, size};
        if (*message.start == 'E')
            breach("PostgreSQL refuses the statement or the connection: %s", shown(message));
        if (*message.start == 'R' && (size < 9 || take_integer(message.start + 5, 4) != 0))
            breach("PostgreSQL asks for a password");
        ready += *message.start == 'Z';
        if (ready == 2)
            return at + size;
    }
    return 0;
}

const struct protocol POSTGRESQL = {"postgresql", true, put_startup, take_startup, put_execute, take_ready};

/* ---- Tarantool. Source: its manual, chapter "Binary protocol"; the values are msgpack.

       | 0xce size u32 | header: map | body: map |        size counts what follows it */

enum { IPROTO_TYPE = 0x00, IPROTO_SYNC = 0x01, IPROTO_TUPLE = 0x21, IPROTO_FUNCTION = 0x22, IPROTO_CALL = 0x0a };
#define IPROTO_GREETING_SIZE 128
#define IPROTO_ERROR 0x8000

static size_t take_banner(struct text data)
{
    static const char NAME[] = "Tarantool ";
    size_t size = data.size < strlen(NAME) ? data.size : strlen(NAME);
    if (memcmp(data.start, NAME, size))
        breach("no greeting of Tarantool: %s", shown(data));
    return data.size < IPROTO_GREETING_SIZE ? 0 : IPROTO_GREETING_SIZE;
}

static char *put_text(char *out, const struct argument *argument, struct text key, uint64_t id)
{
    size_t size = put_argument(out + 5, argument, key, id);
    *out = (char)0xdb; /* text with a size of 32 bits */
    return put_integer(out + 1, size, 4) + size;
}

static size_t put_call(char *out, const struct template *template, struct text key, uint64_t id)
{
    static const char HEAD[] = {(char)0x82, IPROTO_TYPE, IPROTO_CALL, IPROTO_SYNC, (char)0xcf};
    char *at = mempcpy(out + 5, HEAD, sizeof HEAD);
    at = put_integer(at, id, 8);
    *at++ = (char)0x82;
    *at++ = IPROTO_FUNCTION;
    at = put_text(at, &template->arguments[0], key, id);
    *at++ = IPROTO_TUPLE;
    *at++ = (char)0xdc; /* an array with a size of 16 bits */
    at = put_integer(at, template->argument_count - 1, 2);
    for (size_t i = 1; i < template->argument_count; i++)
        at = put_text(at, &template->arguments[i], key, id);
    *out = (char)0xce;
    put_integer(out + 1, (uint64_t)(at - out - 5), 4);
    return (size_t)(at - out);
}

/* Read an unsigned number of msgpack at `*at`, before `end`, and move on. */
static uint64_t take_unsigned(const char **at, const char *end)
{
    unsigned char head = *at < end ? (unsigned char)*(*at)++ : 0xff;
    if (head < 0x80)
        return head;
    int size = head >= 0xcc && head <= 0xcf ? 1 << (head - 0xcc) : 0;
    if (!size || end - *at < size)
        breach("no number in a header of Tarantool");
    *at += size;
    return take_integer(*at - size, size);
}

static size_t take_response(struct text data, struct reply *reply)
{
    const char *at = data.start, *end = data.start + data.size;
    if (at < end && (unsigned char)*at != 0xce)
        breach("no response of Tarantool: %s", shown(data));
    if (data.size < 5)
        return 0;
    size_t size = 5 + take_integer(at + 1, 4);
    if (size > REPLY_SIZE_MAX)
        breach("Tarantool claims %zu bytes", size);
    if (data.size < size)
        return 0;
    at += 5;
    end = data.start + size;
    int count = at < end && (*at & 0xf0) == 0x80 ? *at++ & 0x0f : 0;
    uint64_t type = UINT64_MAX;
    reply->id = 0;
    while (count-- > 0) {
        uint64_t name = take_unsigned(&at, end), value = take_unsigned(&at, end);
        if (name == IPROTO_TYPE)
            type = value;
        else if (name == IPROTO_SYNC)
            reply->id = value;
    }
    if (type == UINT64_MAX || (type != 0 && !(type & IPROTO_ERROR)))
        breach("no response of Tarantool: %s", shown(data));
    reply->is_error = type != 0;
    reply->body = (struct text){at, (size_t)(end - at)};
    return size;
}

const struct protocol TARANTOOL = {"tarantool", true, NULL, take_banner, put_call, take_response};
