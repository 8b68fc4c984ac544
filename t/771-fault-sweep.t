# Something dies at every statement of ours in turn, as a signal's handler may: by perl's hook for debuggers, so that no clock has a say. Each
# recipient has one result of this call, nothing is left in flight, and nothing is sent later.

use strict;
use warnings;

our ($left, $where);

BEGIN {
    $DB::single = $DB::signal = $DB::trace = 0;
    $^P = 0x02;

    package DB;
    no warnings 'once';
    *DB::DB = sub {
        return if !$main::left;
        my ($package, undef, $line) = caller;
        return if $package !~ /\A(?:Net::[LQ]MTP|Mail::Wire)\b/ or --$main::left;
        $main::where = "$package:$line";
        $DB::single = 0;
        die "swept\n";
    };
}

use File::Temp ();
use Test::More;

use Mail::Wire::Sink;
use Net::LMTP;
use Net::QMTP;

my %sink = map { $_ => Mail::Wire::Sink->new(protocol => lc substr $_, 5) } qw(Net::LMTP Net::QMTP);
$sink{plain} = Mail::Wire::Sink->new(chunking => 0);

sub client {
    my ($kind) = @_;
    return $kind eq 'Net::QMTP' ? Net::QMTP->new('127.0.0.1', Port => $sink{$kind}->port) : Net::LMTP->new('127.0.0.1', $sink{$kind}->port, Hello => 'me');
}

# Runs it until something dies at the n-th statement: true if it did.
sub swept {
    my ($n, $code) = @_;
    ($left, $where, $DB::single) = ($n, '', 1);
    my $ok = eval { $code->(); 1 };
    ($left, $DB::single) = (0, 0);
    die $@ if !$ok and $@ ne "swept\n";
    return $where ne '';
}

my $file = File::Temp->new;
print {$file} "Subject: m1\r\n\r\n", "0123456789abcd\r\n" x 6000;
close $file;

my %source = (
    string => sub { (Data => "Subject: m1\n\none\n") },
    code   => sub { my @pieces = ("Subject: m1\n\n", 'x' x 9000 . "\n"); (Data => sub { shift @pieces }) },
    file   => sub { (File => $file->filename) },
    shown  => sub { (Data => "Subject: m1\n\none\n", Progress => sub { }) },
);
my %sources = ('Net::LMTP' => [qw(code file shown)], plain => ['code'], 'Net::QMTP' => [qw(code file string)]);

# Statements of deliver in front of its guard.
my $entry = 14;

my @to = ('a@x', 'b@x');
my @other = (From => 'other@x', To => ['z@x'], Data => "Subject: other\n\n");

for my $kind ('Net::LMTP', 'plain', 'Net::QMTP') {
    for my $source (@{ $sources{$kind} }) {
        for my $method (qw(deliver submit collect)) {
            my @problems;
            my $n = 0;
            while (++$n < 1000) {
                $sink{$kind}->clear;
                my $client = client($kind) or die $@;
                $client->deliver(@other);
                my @order = (From => 'm1@x', To => [@to], $source{$source}->());
                my (@results, @collected, $died, $id);
                if ($method eq 'deliver') {
                    $died = swept($n, sub { $client->deliver(@order) });
                    @results = $client->results;
                }
                else {
                    $id = $client->submit(@order) if $method eq 'collect';
                    $died = swept($n, sub { $method eq 'submit' ? $id = $client->submit(@order) : push @collected, $client->collect });
                    @results = map { $_->results } @collected;
                    while (my $delivery = $client->collect) { push @results, $delivery->results }
                }
                push @problems, "$where: " . $client->in_flight . ' in flight' if $client->in_flight;
                my @next = eval { $client->deliver(@other) };
                push @problems, "$where: the next deliver: $@" if @next != 1 or $next[0]->recipient ne 'z@x';
                $client->quit;
                my $there = grep { $_->{data} =~ /^Subject: m1/ } $sink{$kind}->messages;
                my $said = join ' ', map { $_->recipient . '-' . $_->status . ($_->maybe_delivered ? '?' : '') } @results;
                my $fine = !@results && $method eq 'submit' && !defined $id ? !$there
                    : $said eq 'a@x-success b@x-success' ? $there == 1
                    : $said eq 'a@x-deferral b@x-deferral' ? !$there
                    : $said eq 'a@x-deferral? b@x-deferral?' && $there <= 1;
                # Nothing has begun yet: the results are still those of the delivery before.
                $fine ||= $method eq 'deliver' && $n <= $entry && $said eq 'z@x-success' && !$there;
                push @problems, "$where: results '$said', there $there times" if !$fine;
                last if !$died;
            }
            is(join("\n", @problems), '', "$kind, $method of $source: " . ($n - 1) . ' statements');
        }
    }
}

done_testing;
