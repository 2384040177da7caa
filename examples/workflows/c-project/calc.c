/* SPDX-License-Identifier: Apache-2.0 */
#include "parse.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    long value;
    const char *why;
    if (argc != 2) {
        fprintf(stderr, "usage: calc EXPRESSION\n");
        return 2;
    }
    if (parse_expression(argv[1], &value, &why)) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    printf("%ld\n", value);
    return 0;
}
