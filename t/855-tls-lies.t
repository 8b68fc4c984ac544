# The fence over TLS: records say nothing of who was answered. A sample; xt/253-tls-fence.t has all such servers.

use strict;
use warnings;

use Test::More;

BEGIN { $ENV{MW_TEST_TLS} = 1 }

use lib 't/lib';
use FlightTest;

my $server = FlightServer->new;
my %keywords = keywords_of('pipelining', 'streams');

sub messages { return (message('m1', 'a@x'), message('m2', 'a@x', 'b@x'), message('m3', 'no@x', 'b@x'), message('m4', 'a@x')) }

# Each: name, lies; more of `fly`.
my @cases = (
    [ 'an honest server', {}, exact => 1 ],
    [ 'a final reply too many',               { 'final m1 0' => { after => ['250 2.0.0 over'] } } ],
    [ 'a final reply too few',                { 'final m3 1' => { instead => [] } } ],
    [ 'a refusal for somebody else',          { 'rcpt m2 0' => { before => ['550 5.0.0 over'] } } ],
    [ 'a reply to MAIL too many',             { 'mail m2' => { after => ['250 2.1.0 over'] } } ],
    [ 'a line that is no reply',              { 'final m2 0' => { before => ['hello there'] } } ],
    [ 'a final reply whose lines disagree',   { 'final m2 0' => { instead => [ '250-one', '550 two' ] } } ],
    [ 'half a reply, then FIN in plain',      { 'final m2 1' => { instead => ['250-saved'], then => 'finish' } } ],
    [ 'FIN in plain between two finals',      { 'final m2 0' => { then => 'finish' } } ],
    [ 'an end of TLS between two finals',     { 'final m2 0' => { then => 'close' } } ],
    [ 'a reset between two finals',           { 'final m2 0' => { then => 'reset' } } ],
    [ '421 in place of a final',              { 'final m2 0' => { instead => ['421 bye'], gives => 421, then => 'close' } } ],
    [ 'a fence answered by a bare 250',       { 'lhlo 3' => { instead => ['250 ok'] } } ],
);
for my $case (@cases) {
    my ($name, $lies, @more) = @$case;
    for my $kind (sort keys %keywords) {
        for my $how (qw(deliver submit)) {
            fly($server, "$name ($kind, $how)", server => { keywords => $keywords{$kind}, lies => $lies, split => $how eq 'submit' ? 1 : 0 },
                client => { Timeout => 20, NextReplyTimeout => 0.2 }, messages => [ messages() ], how => $how, @more);
        }
    }
}
done_testing;
