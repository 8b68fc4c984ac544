# A reply too many inside the envelope moves all that follow by one place. When the next anchor shows it, nobody keeps a refusal
# that was another's.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use FlightTest;

my @group = ('PIPELINING', '8BITMIME');
my @cases = (
    # name, keywords, messages, lies, results
    [ 'a refusal at RCPT moves on to the next recipient', \@group, [ message('m1', 'no@x', 'a@x') ],
        { 'mail m1' => { before => ['250 2.0.0 over'] } }, 'm1: 421 421' ],
    [ 'a refusal that nobody asked for is in the place of MAIL', \@group, [ message('m1', 'a@x', 'b@x') ],
        { 'mail m1' => { before => ['550 5.0.0 over'] } }, 'm1: 421 421' ],
    [ 'it is in the place of RCPT', \@group, [ message('m1', 'a@x') ],
        { 'rcpt m1 0' => { before => ['550 5.0.0 over'] } }, 'm1: 421' ],
    [ 'the server has the message', [ @group, 'CHUNKING' ], [ message('m1', 'a@x'), message('m2', 'a@x') ],
        { 'mail m2' => { before => ['550 5.0.0 over'] } }, 'm1: 250; m2: 421?' ],
    [ 'what has no place shows it, whatever was in front of it', \@group, [ message('m1', 'no@x', 'a@x') ],
        { 'data m1' => { instead => ['250 what?'] } }, 'm1: 421 421' ],
    [ 'what is in front of an anchor stands', \@group, [ message('m1', 'no@x', 'a@x') ],
        { 'final m1 1' => { instead => ['354 what?'] } }, 'm1: 550 421?' ],
);

sub short {
    my ($results, @names) = @_;
    return join '; ', map {
        my $name = $_;
        join ' ', "$name:", map { $_->code . ($_->maybe_delivered ? '?' : '') } @{ $results->{$name} }
    } @names;
}

my $server = FlightServer->new;
for my $case (@cases) {
    my ($name, $keywords, $messages, $lies, $expected) = @$case;
    for my $how (qw(deliver submit)) {
        my ($results) = fly($server, "$name ($how)", server => { keywords => $keywords, lies => $lies }, messages => $messages, how => $how);
        is short($results, map { $_->{name} } @$messages), $expected, '... results';
    }
}
done_testing;
