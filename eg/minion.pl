#!/usr/bin/perl

# Minion's admin page for the queue of mailwire plan, worker and status: jobs, workers, what failed and why.
#
#   MAILWIRE_QUEUE=postgresql://ann@localhost/mail eg/minion.pl daemon -l http://127.0.0.1:3000
#
# Who sees the page can stop and remove jobs: it is for this machine, or behind a server that asks for a password.

use strict;
use warnings;

eval { require Mojolicious::Lite; require Minion; 1 } or die "$0 needs Minion from CPAN (Debian: libminion-perl): $@";
Mojolicious::Lite->import;

my $queue = $ENV{MAILWIRE_QUEUE} or die "$0: MAILWIRE_QUEUE is to be the queue, as postgresql://ann\@localhost/mail\n";
plugin(Minion => { ($queue =~ /\Asqlite:/ ? 'SQLite' : 'Pg') => $queue });
app()->minion->missing_after(900)->stuck_after(10 * 365 * 86_400)->remove_after(30 * 86_400);
plugin('Minion::Admin' => { route => app()->routes->any('/') });
app()->start;
