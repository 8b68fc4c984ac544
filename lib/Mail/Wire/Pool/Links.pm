package Mail::Wire::Pool::Links;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Mail::Wire ();
use Mail::Wire::Pool::Job ();
use Mail::Wire::Pool::Link ();

# The links of a pool: when one is opened, and which one a message is for.

# Links in turn get so many messages each, when all have many.
use constant { SPREE => 8, DEEP => 8 };

# While another link is being opened, which takes no longer than so many seconds, a link gets no more than so many messages: the others are for
# that one.
use constant { SHARE => 16, SHARE_SECONDS => 1 };

# A URL that did not answer is tried behind the others for so many seconds.
use constant DOWN_SECONDS => 30;

# ---------------------------------------------------------------- opening

# True when there is work for one more link.
sub _wants_link {
    my ($self) = @_;
    return 0 if defined $self->{halted};
    my $links = @{ $self->{links} } + @{ $self->{openings} };
    return 0 if $links >= $self->{set}{Links};
    my $work = @{ $self->{ready} };
    $work += @{ $_->{jobs} } foreach @{ $self->{links} };
    return $work > $links;
}

sub _open {
    my ($self) = @_;
    $self->_begin_opening while $self->_wants_link and $self->{opens_at} <= Mail::Wire::_now();
    Mail::Wire::Pool::_unbroken(sub { $self->_step_openings }) if @{ $self->{openings} };
    return;
}

sub _step_openings {
    my ($self) = @_;
    foreach my $opening (grep { not $_->{is_over} } @{ $self->{openings} }) {
        my $client = $opening->step;
        next if defined $client and not $client;
        $opening->{is_over} = 1;
        if ($client) { $self->_opened($client) }
        else         { $self->_failed_to_open($opening, "$@") }
    }
    $self->{openings} = [ grep { not $_->{is_over} } @{ $self->{openings} } ];
    return;
}

# The first URL in order of those that were not found to be down of late.
sub _begin_opening {
    my ($self, $after) = @_;
    my ($down, $now) = ($self->{down}, Mail::Wire::_now());
    my @places = 0 .. $#{ $self->{set}{plans} };
    my ($at) = ((grep { ($down->[$_] || 0) <= $now } @places), @places);
    my $opening = $self->{set}{plans}[$at]->();
    @{$opening}{qw(at began)} = ($at, $now);
    push @{ $self->{openings} }, $opening;
    return;
}

sub _opened {
    my ($self, $client) = @_;
    push @{ $self->{links} }, Mail::Wire::Pool::Link->new($client, $self->{set}{MaxPerLink});
    $self->{stats}{links_opened}++;
    $self->{failures} = 0;
    return;
}

# The next URL is tried at once. When none answers, all wait for a while; and what waits for a link has been tried in vain, if there is none.
sub _failed_to_open {
    my ($self, $opening, $why) = @_;
    my ($down, $set, $now) = ($self->{down}, $self->{set}, Mail::Wire::_now());
    $down->[ $opening->{at} ] = $now + DOWN_SECONDS;
    return if grep { ($down->[$_] || 0) <= $now } 0 .. $#{ $set->{plans} };
    @$down = ();
    $self->{opens_at} = $now + $set->{backoff}->(++$self->{failures});
    return if @{ $self->{links} };
    foreach my $job (@{ $self->{ready} }) { $job->[Mail::Wire::Pool::Job::TRIES]++ }
    my @lost = grep { $_->[Mail::Wire::Pool::Job::TRIES] > $set->{Retries} } @{ $self->{ready} } or return;
    $self->{ready} = [ grep { $_->[Mail::Wire::Pool::Job::TRIES] <= $set->{Retries} } @{ $self->{ready} } ];
    $self->_give_up($_, $why) foreach @lost;
    return;
}

# Drops links that are lost, or have got all that they get, and have no message any more.
sub _drop_links {
    my ($self) = @_;
    my @free = grep { not @{ $_->{jobs} } } @{ $self->{links} };
    foreach my $link (@free) {
        my $is_lost = $link->is_lost;
        next if not $is_lost and not $link->is_used_up;
        $link->part if not $is_lost;
        $self->_drop($link, $is_lost);
    }
    return;
}

sub _drop {
    my ($self, $link, $is_lost) = @_;
    $self->{links} = [ grep { $_ != $link } @{ $self->{links} } ];
    $self->{spree} = 0;
    $self->{stats}{links_lost}++ if $is_lost;
    return;
}

# ---------------------------------------------------------------- choosing

# The link with the least to do, if one has room.
sub _choose {
    my ($self) = @_;
    my $share = grep({ $_->{began} + SHARE_SECONDS > Mail::Wire::_now() } @{ $self->{openings} }) ? SHARE : 0;
    my @links = @{ $self->{links} };
    my ($best, $depth);
    foreach my $link (@links) {
        my $jobs = @{ $link->{jobs} };
        next if $link->{is_full} or $link->is_used_up or $share && $jobs >= $share or defined $depth && $jobs >= $depth;
        next if not $jobs and $self->_has_ended($link);
        ($best, $depth) = ($link, $jobs);
    }
    $self->{current} = $best;
    $self->{spree} = !$best || $share || $depth < DEEP ? 0 : SPREE;
    return $best;
}

# An idle link has nothing to say but that it has ended.
sub _has_ended {
    my ($self, $link) = @_;
    my $fd = $link->fileno;
    return 0 if defined $fd and not Mail::Wire::Pool::_wait(0, $fd, 1) and not $link->is_lost;
    $link->{client}->close;
    $self->_drop($link, 1);
    return 1;
}

1;
