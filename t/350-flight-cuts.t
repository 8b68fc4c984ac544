# The link ends after every byte, in both directions, by FIN, close and RST; and every byte comes alone.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use FlightTest;

my %keywords = keywords_of('one at a time', 'pipelining', 'streams');

sub messages {
    return (message('m1', 'a@x'), message('m2', 'a@x', 'no@x', 'full@x'), message('m3', 'a@x'));
}

my $server = FlightServer->new;

# A session without a cut: it is exact, and says how many bytes there are to cut.
sub whole {
    my ($kind, $how, %server) = @_;
    my ($results, $truth, @problems) = flight($server,
        server => { keywords => $keywords{$kind}, %server }, messages => [ messages() ], how => $how, exact => 1);
    diag join "\n", @problems if @problems;
    return @problems ? undef : $truth;
}

for my $kind (sort keys %keywords) {
    for my $how (qw(deliver submit)) {
        my $truth = whole($kind, $how);
        ok $truth, "$kind, $how: exact";
        ok whole($kind, $how, split => 1), "$kind, $how: the same when the server writes every byte alone";
        for my $direction (qw(output input)) {
            my ($runs, $bad) = (0, 0);
            my $endings = $direction eq 'output' ? [qw(finish close reset)] : [qw(close reset)];
            my $from = $truth->{before}{$direction};
            for my $at ($from .. $truth->{size}{$direction}) {
                my $step = $ENV{MW_THOROUGH} ? 1 : 3;
                next if ($at - $from) % $step and $at != $truth->{size}{$direction};
                my $ending = $endings->[ ($at / $step) % @$endings ];
                my ($results, $cut, @problems) = flight($server,
                    server   => { keywords => $keywords{$kind}, $direction => $at, ending => $ending },
                    messages => [ messages() ],
                    how      => $how,
                );
                $runs++;
                next if !@problems;
                $bad++;
                diag "$direction $at $ending:", map {"\n  $_"} @problems;
            }
            is $bad, 0, "$kind, $how: $runs cuts of the server's $direction";
        }
    }
}
done_testing;
