cimport cython

cdef extern from *:
    """
    #include <stdlib.h>
    #include <string.h>

    /* One portable file: where the compiler can, it also builds these loops for newer processors and picks
       at load time. All sums are whole numbers, so every choice gives the same result. */
    #if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__linux__)
    #define PARLEY_WIDE __attribute__((target_clones("popcnt", "default")))
    #define PARLEY_SUMS __attribute__((target_clones("avx2", "default")))
    #else
    #define PARLEY_WIDE
    #define PARLEY_SUMS
    #endif

    #if defined(__GNUC__) || defined(__clang__)
    #define PARLEY_ONES(x) __builtin_popcountll(x)
    #else
    static inline int PARLEY_ONES(unsigned long long x) {
        x = x - ((x >> 1) & 0x5555555555555555ULL);
        x = (x & 0x3333333333333333ULL) + ((x >> 2) & 0x3333333333333333ULL);
        return (int)((((x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fULL) * 0x0101010101010101ULL) >> 56);
    }
    #endif

    PARLEY_WIDE
    static void parley_apart(
        const unsigned long long *rows, const unsigned long long *query, int count, int *out
    ) {
        const unsigned long long a = query[0], b = query[1], c = query[2], d = query[3];
        for (int i = 0; i < count; i++) {
            const unsigned long long *row = rows + 4 * (size_t)i;
            out[i] = (int)(PARLEY_ONES(row[0] ^ a) + PARLEY_ONES(row[1] ^ b)
                               + PARLEY_ONES(row[2] ^ c) + PARLEY_ONES(row[3] ^ d));
        }
    }

    /* Keeps the `keep` rows with the smallest (distance, number); returns how many there are. */
    static int parley_squeeze(int *numbers, int *apart, int count, int keep, int *worst) {
        int seen[257] = {0}, at = 0, less = 0, out = 0;
        if (count <= keep) return count;
        for (int i = 0; i < count; i++) seen[apart[i]]++;
        while (less + seen[at] < keep) less += seen[at++];
        int equal = keep - less;
        for (int i = 0; i < count; i++) {
            if (apart[i] > at || (apart[i] == at && equal-- <= 0)) continue;
            numbers[out] = numbers[i];
            apart[out++] = apart[i];
        }
        *worst = at;
        return out;
    }

    static int parley_nearest(
        const unsigned long long *rows, const unsigned long long *query, int count, int keep, int room,
        int *numbers, int *apart
    ) {
        int block[256];
        int held = 0, worst = 1 << 20;
        for (int base = 0; base < count; base += 256) {
            int size = count - base < 256 ? count - base : 256;
            parley_apart(rows + 4 * (size_t)base, query, size, block);
            for (int i = 0; i < size; i++) {
                if (block[i] >= worst) continue;
                numbers[held] = base + i;
                apart[held++] = block[i];
                if (held == room) held = parley_squeeze(numbers, apart, held, keep, &worst);
            }
        }
        return parley_squeeze(numbers, apart, held, keep, &worst);
    }

    PARLEY_SUMS
    static int parley_product(const signed char *left, const signed char *right, int size) {
        int sum = 0;
        for (int i = 0; i < size; i++) sum += (int)left[i] * right[i];
        return sum;
    }

    PARLEY_SUMS
    static void parley_add(int *sums, const signed char *row, int weight, int size) {
        for (int i = 0; i < size; i++) sums[i] += weight * row[i];
    }
    """
    int parley_nearest(
        const unsigned long long *rows, const unsigned long long *query, int count, int keep, int room,
        int *numbers, int *apart
    ) noexcept
    int parley_product(const signed char *left, const signed char *right, int size) noexcept
    void parley_add(int *sums, const signed char *row, int weight, int size) noexcept

cdef int _DIM, _WORDS, _LONGEST_PIECE, _LONGEST_WORD, _MOST_PAIRS, _BUCKETS, _WORDS_COUNT, _ALL_COUNT
cdef long long _PPM, _SHIFT
cdef unsigned long long _MASK, _PRIME, _MIX, _FIRST, _NEXT

cdef unsigned long long _step(unsigned long long h, unsigned long long code) noexcept
cdef unsigned long long _finish(unsigned long long h) noexcept
cdef object _add(int[::1] sums, const signed char[::1] vectors, int row, int weight)
@cython.locals(room=int, held=int, left="int[::1]", right="int[::1]")
cdef object _candidates(
    const unsigned long long[::1] bits, unsigned long long[::1] query, int count, int keep
)
@cython.locals(i=Py_ssize_t, sums="int[::1]")
cdef object _products(const signed char[::1] vectors, signed char[::1] query, int[::1] numbers)


@cython.locals(mask="unsigned long long", at="unsigned long long", seen="unsigned long long")
cdef int _find(
    const unsigned long long[::1] slots, const int[::1] numbers, unsigned long long wanted
) except -2


@cython.final
cdef class Vectors:
    cdef public int count
    cdef const unsigned long long[::1] slots, bits, word_slots
    cdef const int[::1] rows, norms, word_rows, word_weights, word_ads
    cdef const long long[::1] word_offsets
    cdef const signed char[::1] pieces, ads
    cdef const unsigned short[::1] weights
    cdef const unsigned char[::1] word_shares
    @cython.locals(
        total=Py_ssize_t, at=Py_ssize_t, end=Py_ssize_t, i=int, most="long long", value="long long",
        known=int, code="unsigned int", plain=bint, sums="int[::1]",
    )
    cpdef object query(self, str text)
    @cython.locals(
        start=Py_ssize_t, stop=Py_ssize_t, i=Py_ssize_t, last=Py_ssize_t, row=int, best=int, found=int,
        h="unsigned long long",
    )
    cdef int _word(self, str text, Py_ssize_t at, Py_ssize_t end, int[::1] sums) except -1
    @cython.locals(
        at=Py_ssize_t, end=Py_ssize_t, start=Py_ssize_t, h="unsigned long long", code="unsigned int", row=int,
        total="long long", pairs="long long", weight=int, k="long long", number=int, held=int,
    )
    cdef object _said(self, str text, int[::1] sums, int[::1] touched)
    @cython.locals(
        i=int, number=int, size="long long", length="long long", product="long long", ppm="long long",
        bit="unsigned long long", view="signed char[::1]", marks="unsigned long long[::1]",
        which="int[::1]", products="int[::1]", word="long long", key="long long",
    )
    cdef object _nearest(
        self, object query, int[::1] words, int[::1] touched, int held, long long total, int floor,
        int least, int keep
    )
    @cython.locals(counts="int[::1]", i=int, number=int, left=int, at=int, bucket=int, word="long long")
    cdef object _worded(self, int[::1] words, int[::1] touched, int held, long long total, int keep)
