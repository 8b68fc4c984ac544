# Mail::Wire::Pool over four links into Dovecot, whose lmtp processes are killed in mid-run, again and again, and which is stopped and started
# meanwhile. Then each recipient's result is held against the store: who is said to have the message has it once, who is said not to have it has it
# not, and what nobody knows is named as such.

use strict;
use warnings;

use lib qw(t/lib xt/lib);
use DovecotServer;
use Test::More;

BEGIN { DovecotServer->need }

use Mail::Wire::Pool ();

use constant { MESSAGES => 2_400, LINKS => 4, WINDOW => 64, KILLS => 8, TRIES => 1_000 };

my @users = map {"user$_"} 0 .. 5;
my $server = DovecotServer->start(users => \@users);
my @pool = ($server->url, Links => LINKS, Window => WINDOW, Retries => TRIES, Backoff => 0.2, Timeout => 120);

subtest "in doubt is $$_[0]" => sub { check(@$_) } foreach [ report => 0 ], [ resend => 1 ];
done_testing;

# Kills come at every so many answers, so that there are always some before and behind.
sub check {
    my ($in_doubt, $is_sent_again) = @_;
    my $pool = Mail::Wire::Pool->new(@pool, InDoubt => $in_doubt);
    my ($collected, $killed, %result) = (0, 0);
    my $take = sub {
        my $delivery = $pool->collect or return 0;
        my $n = $delivery->tag;
        push @{ $result{ $n . '/' . $_->recipient } }, $_ foreach $delivery->results;
        $killed += disturb($collected) if ++$collected % (MESSAGES / KILLS) == MESSAGES / KILLS / 2;
        return 1;
    };
    foreach my $n (1 .. MESSAGES) {
        $pool->submit(From => 'sender@example.org', To => [ recipients($n) ], Data => mail($in_doubt, $n), Tag => $n);
        $take->() if $pool->in_flight > MESSAGES / 4;
    }
    while ($take->()) { }
    my $stats = $pool->stats;
    $pool->close;
    cmp_ok($killed, '>=', KILLS / 2, "$killed processes were killed");
    cmp_ok($stats->{links_lost}, '>=', LINKS, "... $stats->{links_lost} links lost");
    compare($server->stored(qr/^Message-ID: <$in_doubt-(\d+)\@x>/m), \%result, $is_sent_again);
    cmp_ok($stats->{in_doubt}, '<=', $killed * WINDOW * 3, "... $stats->{in_doubt} in doubt, at most a window of each link");
    is($stats->{in_doubt}, scalar(grep { $_->[0]->maybe_delivered } values %result), '... as the results have it');
    return;
}

# How many were killed; each third time the whole server goes, and comes back.
sub disturb {
    my ($collected) = @_;
    if ($collected > MESSAGES / 2 and $collected < MESSAGES / 2 + MESSAGES / KILLS) {
        $server->stop;
        $server->again or die "Dovecot does not start any more\n" . $server->log;
        return 0;
    }
    return kill 'KILL', $server->workers;
}

sub compare {
    my ($stored, $result, $is_sent_again) = @_;
    my @expected = map { my $n = $_; map {"$n/$_"} recipients($n) } 1 .. MESSAGES;
    is_deeply([ sort keys %$result ], [ sort @expected ], 'each recipient has a result');
    is_deeply([ grep { @{ $result->{$_} } > 1 } keys %$result ], [], '... one');
    my %wrong;
    foreach my $key (@expected) {
        my ($n, $user) = $key =~ m{\A(\d+)/(.*)\@};
        my $count = $stored->{$user}{$n} || 0;
        my $said = $result->{$key}[0];
        push @{ $wrong{lost} }, $key if $said->is_success and not $count;
        push @{ $wrong{denied} }, $key if not $said->is_success and not $said->maybe_delivered and $count;
        push @{ $wrong{twice} }, $key if $count > 1 and not $is_sent_again;
        push @{ $wrong{refused} }, $said->as_string if $said->is_failure;
        push @{ $wrong{'given up'} }, $said->as_string if not $said->is_success and ($is_sent_again or not $said->maybe_delivered);
    }
    is_deeply(\%wrong, {}, 'what is said is so in the store');
    return;
}

# One in five has three recipients.
sub recipients {
    my ($n) = @_;
    return map { $users[ ($n + $_) % @users ] . '@example.org' } $n % 5 ? 0 : 0 .. 2;
}

sub mail {
    my ($run, $n) = @_;
    return "From: sender\@example.org\nMessage-ID: <$run-$n\@x>\n\n" . "Text of $n\n" x (5 + $n % 60);
}
