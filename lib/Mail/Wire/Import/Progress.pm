package Mail::Wire::Import::Progress;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Time::HiRes ();

# How far an import is: a bar on a terminal, a line now and then else.

use constant { WIDTH => 30, EVERY_MESSAGES => 10_000, EVERY_SECONDS => 60, REDRAW_SECONDS => 0.2 };

# handle: where it is shown; total: how many bytes there are in all, undef if that is not known.
sub new {
    my ($class, %in) = @_;
    my $now = Time::HiRes::time();
    return bless { %in, is_bar => -t $in{handle} ? 1 : 0, begun => $now, shown_at => $now, shown => 0, messages => 0 }, $class;
}

# messages: how many have their answers; bytes: how many bytes of all were read.
sub update {
    my ($self, $messages, $bytes) = @_;
    @{$self}{qw(messages bytes)} = ($messages, $bytes);
    my $now = Time::HiRes::time();
    my $is_due = $self->{is_bar} ? $now - $self->{shown_at} >= REDRAW_SECONDS
        : $messages - $self->{shown} >= EVERY_MESSAGES || $now - $self->{shown_at} >= EVERY_SECONDS;
    $self->show($now) if $is_due;
    return;
}

sub show {
    my ($self, $now) = @_;
    $now = Time::HiRes::time() if not defined $now;
    @{$self}{qw(shown shown_at)} = ($self->{messages}, $now);
    my $line = $self->_line($now - $self->{begun});
    print { $self->{handle} } $self->{is_bar} ? "\r$line\e[K" : "$line\n";
    $self->{is_drawn} = $self->{is_bar};
    return;
}

# Makes room for other lines.
sub clear {
    my ($self) = @_;
    print { $self->{handle} } "\r\e[K" if $self->{is_drawn};
    $self->{is_drawn} = 0;
    return;
}

sub _line {
    my ($self, $seconds) = @_;
    my $rate = $seconds > 0 ? $self->{messages} / $seconds : 0;
    my $line = sprintf '%d messages, %d/s', $self->{messages}, $rate;
    my $part = $self->{total} ? ($self->{bytes} || 0) / $self->{total} : return $line;
    $part = 1 if $part > 1;
    my $left = $part > 0 ? _clock($seconds / $part - $seconds) : '?';
    return sprintf '%s, %d%%, %s left', $line, 100 * $part, $left if not $self->{is_bar};
    my $full = int WIDTH * $part;
    return sprintf '[%s%s] %3d%%  %s  %s left', '=' x $full, ' ' x (WIDTH - $full), 100 * $part, $line, $left;
}

sub _clock {
    my ($seconds) = @_;
    return sprintf '%d:%02d:%02d', $seconds / 3600, $seconds / 60 % 60, $seconds % 60;
}

1;
