/* choices.h - every way through a program that asks which way to go. A run calls choose at each fork; choices_next sets up the next
 * run, until all ways were gone. Depth first: the last fork turns first.
 */
#ifndef CHOICES_H
#define CHOICES_H

#include <stdio.h>
#include <stdlib.h>

#define CHOICES_MAX 256

static struct {
    unsigned char taken[CHOICES_MAX], of[CHOICES_MAX];
    int at, depth;
} choices;

/* One of 0 .. ways - 1: 0 the first time, the others in later runs. */
static inline int choose(int ways)
{
    if (ways < 2)
        return 0;
    if (choices.at == choices.depth) {
        if (choices.depth == CHOICES_MAX)
            abort();
        choices.taken[choices.depth] = 0;
        choices.of[choices.depth++] = (unsigned char)ways;
    }
    return choices.taken[choices.at++];
}

/* Forgets everything: the next run is the first. */
static inline void choices_start(void)
{
    choices.at = choices.depth = 0;
}

/* 1: another run is to be made, 0: that was the last one. */
static inline int choices_next(void)
{
    choices.at = 0;
    while (choices.depth && ++choices.taken[choices.depth - 1] == choices.of[choices.depth - 1])
        choices.depth--;
    return choices.depth > 0;
}

/* The run that has just been made, as text: to be made again by hand. */
static inline void choices_print(char *to)
{
    int i;

    for (*to = '\0', i = 0; i < choices.depth; i++)
        to += sprintf(to, "%d", choices.taken[i]);
}

#endif
