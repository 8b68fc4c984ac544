# The examples of eg/ that need modules of perl's own only: each delivers to a server of its own, and says by its exit status whether all went as
# it should. Where the server does otherwise they say so.

use strict;
use warnings;

use File::Spec;
use Mail::Wire::Sink;
use Test::More;

# The name, and what it prints in the end.
my @examples = (
    [ 'deliver',   qr/^All as expected\.$/m ],
    [ 'old-style', qr/^Delivered: /m ],
    [ 'pool',      qr/^999 accepted, 0 to be tried again, 1 refused, 0 in doubt\n[1-4] links opened, 1 messages sent again$/m ],
    [ 'results',   qr/^To be tried again later: full\@example\.org$/m ],
    [ 'select',    qr/^50 links, 2000 recipients: 2000 accepted, 0 not$/m ],
    [ 'submit',    qr/^1998 accepted, 0 to be tried again, 2 refused$/m ],
);

foreach my $example (@examples) {
    my ($name, $ends) = @$example;
    my ($status, $output) = run_example($name);
    is($status, 0, "eg/$name.pl: its exit status") or diag($output);
    like($output, $ends, '... and what it prints');
}

my $sink = Mail::Wire::Sink->new(rcpt => { 'nobody@example.org' => '550 5.1.1 Unknown' }, final => { 'ben@example.org' => '452 4.2.2 Full' });
my ($status, $output) = run_example('select', $sink->host, $sink->port);
is($status, 256, 'eg/select.pl, recipients deferred: another exit status');
like($output, qr/ 1000 accepted, 1000 not$/m, '... and the count');
my %links = map { $_->{link} => 1 } $sink->messages;
is(scalar keys %links, 50, '... over as many links as it says');

($status, $output) = run_example('pool', $sink->url, 'sender@example.org', 'nobody@example.org', 'eg/mail/01-picture.eml');
is($status, 256, 'eg/pool.pl, a recipient refused: another exit status');
like($output, qr/^0 accepted, 0 to be tried again, 1 refused, 0 in doubt$/m, '... and the count');
done_testing;

# Wait status and all output. The alarm lives on through exec.
sub run_example {
    my ($name, @arguments) = @_;
    my @include = map { '-I' . File::Spec->rel2abs($_) } grep { !ref } @INC;
    defined(my $pid = open my $out, '-|') or die "fork: $!";
    if (!$pid) {
        open STDIN, '<', File::Spec->devnull or exit 126;
        open STDERR, '>&', \*STDOUT or exit 126;
        alarm 120;
        exec { $^X } $^X, @include, "eg/$name.pl", @arguments or exit 127;
    }
    my $output = do { local $/; <$out> };
    close $out;
    return ($?, defined $output ? $output : '');
}
