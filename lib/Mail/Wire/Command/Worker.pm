package Mail::Wire::Command::Worker;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Mail::Wire::Command qw(:all);
use Mail::Wire::Command::Connection ();
use Mail::Wire::Command::Import ();
use Mail::Wire::Command::Plan ();
use Mail::Wire::Import ();
use Mail::Wire::Queue::Pool ();
use Mail::Wire::Queue::Range ();
use Mail::Wire::Words ();
use POSIX ();
use Time::HiRes ();

# mailwire worker: sends what mailwire plan has put into a queue.

use constant OPTIONS => qw(
    queue=s jobs=i links=i window=i rate=f max-per-link=i retry=i in-doubt=s skip-unread drain missing-after=i);

use constant { LINKS => 4, WINDOW => 500, JOBS_MAX => 1000 };

sub run {
    my ($class, @arguments) = @_;
    my $option = options($class, \@arguments, OPTIONS, Mail::Wire::Command::Connection::OPTIONS);
    fail(USAGE, "what is $arguments[0] for? The URL is the plan's") if @arguments;
    _check($option);
    my $self = bless { option => $option, new => { Mail::Wire::Command::Connection::settings($option) }, parent => getppid }, $class;
    return $self->_work if ($option->{jobs} || 1) == 1;
    return $self->_share_out;
}

sub _check {
    my ($option) = @_;
    Mail::Wire::Command::Import::_check_numbers($option);
    foreach my $name (grep { defined $option->{$_} } qw(jobs missing-after)) {
        fail(USAGE, "--$name $option->{$name}: a number from 1 on is needed") if $option->{$name} < 1;
    }
    fail(USAGE, '--jobs: at most ' . JOBS_MAX) if ($option->{jobs} || 0) > JOBS_MAX;
    my $doubt = $option->{'in-doubt'};
    fail(USAGE, "--in-doubt $doubt: report, resend or skip") if defined $doubt and $doubt !~ /\A(?:report|resend|skip)\z/;
    return;
}

# ---------------------------------------------------------------- several at once

# Each is a worker of its own. A signal goes to all.
sub _share_out {
    my ($self) = @_;
    Mail::Wire::Command::Plan::queue_of($self->{option});    # what is wrong with it is said once
    my (%running, @codes);
    my $parent = $$;
    foreach (1 .. $self->{option}{jobs}) {
        defined(my $pid = fork) or fail(SOFTWARE, "fork: $!");
        if (not $pid) {
            $self->{parent} = $parent;
            my $code = eval { $self->_work };
            my ($failed, $text) = defined $code ? $code : failure($@);
            print STDERR "mailwire worker: $text\n" if defined $text;
            POSIX::_exit($failed);
        }
        $running{$pid} = 1;
    }
    my $is_told;
    while (%running) {
        if (defined stopped() and not $is_told++) { kill 'TERM', keys %running }
        my $pid = waitpid -1, POSIX::WNOHANG();
        if ($pid > 0 and delete $running{$pid}) { push @codes, $? & 127 ? SOFTWARE : $? >> 8 }
        else                                    { Time::HiRes::sleep(0.1) }
    }
    return Mail::Wire::Command::Report::worst(OK, @codes);
}

# ---------------------------------------------------------------- one

sub _work {
    my ($self) = @_;
    my $option = $self->{option};
    $self->{queue} = Mail::Wire::Command::Plan::queue_of($option, missing_after => $option->{'missing-after'});
    $self->{code} = OK;
    $self->{queue}->engine->work(
        run => sub { $self->_range(@_) }, stopped => sub { $self->_is_over }, is_draining => $option->{drain}, told => sub { $self->_say(@_) },
        tended => sub { $self->{queue}->give_jobs },
    );
    $self->{pool}->close if $self->{pool};
    return defined stopped() ? TRY_AGAIN : $self->{code};
}

# Also when whoever began several of them is gone.
sub _is_over { return defined stopped() || getppid != $_[0]{parent} }

sub _say {
    my ($self, $words) = @_;
    print STDERR 'mailwire worker: ', Mail::Wire::Words::said("$words"), "\n";
    $self->{code} = TRY_AGAIN;
    return;
}

# Dies when it is not done: the queue has it tried again. A range that has another job is that one's.
sub _range {
    my ($self, $id, $job) = @_;
    my $option = $self->{option};
    my $range = Mail::Wire::Queue::Range->new(
        store => $self->{queue}->store, id => $id, job => $job, in_doubt => $option->{'in-doubt'} || 'report',
        skips_unread => $option->{'skip-unread'}, told => sub { $self->_say(@_) },
    ) or return;
    $self->_say("range $id: " . $range->doubts . ' messages are in doubt, see mailwire status --doubtful') if $range->doubts;
    my $import = Mail::Wire::Import->new(
        pool => $self->_pool($range->url), envelope => $range->envelope, window => $self->_window, journal => $range,
        told    => sub { $self->_beat },
        failed  => sub { $range->unread($range->{next} - 1, $_[0]) },
        stopped => sub { $self->_is_over || defined $range->broken },
    );
    eval { $import->run(sub { $range->next }); 1 } or $self->_give_up($import, $@);
    die 'range ' . $id . ': ' . $range->broken . "\n" if defined $range->broken;
    die "range $id: stopped at message " . $range->{mark} . "\n" if not $range->is_done;
    return;
}

# What is on its way is waited for; it is in the store, if that can be.
sub _give_up {
    my ($self, $import, $error) = @_;
    eval { $import->finish };
    undef $self->{pool};
    die $error;
}

# The database may be away for a while.
sub _beat {
    my ($self) = @_;
    local $@;
    return eval { $self->{queue}->engine->beat; 1 };
}

sub _window { return $_[0]{option}{window} || WINDOW }

# The same for all ranges of a server.
sub _pool {
    my ($self, $url) = @_;
    return $self->{pool} if $self->{pool} and $self->{url} eq $url;
    $self->{pool}->close if $self->{pool};
    my $option = $self->{option};
    my %in = (
        Links => $option->{links} || LINKS, Rate => $option->{rate}, MaxPerLink => $option->{'max-per-link'}, Retries => $option->{retry},
        Backlog => $self->_window, InDoubt => ($option->{'in-doubt'} || '') eq 'resend' ? 'resend' : 'report',
    );
    $self->{url} = $url;
    $self->{pool} = Mail::Wire::Queue::Pool->new($url, %{ $self->{new} }, map { $_ => $in{$_} } grep { defined $in{$_} } keys %in);
    return $self->{pool}->beats(sub { $self->_beat }, $self->{queue}->engine->every);
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Command::Worker - mailwire worker: sends what was planned

=head1 SYNOPSIS

    mailwire worker --queue postgresql://USER@HOST/DATABASE

    Sends the ranges of messages that "mailwire plan" has put into a queue,
    as they come. As many as are wanted, on any machine with the same paths.

      --queue URL              or sqlite:PATH; else MAILWIRE_QUEUE
      --jobs 1                 workers, each with its links
      --drain                  ends when nothing is left to be done
      --in-doubt report        what a killed one had sent: report, resend, skip
      --links 4, --window 500  at once; in doubt after a kill at the most
      --rate N, --max-per-link N, --retry N    messages a second; times
      --skip-unread            messages that are not there are no hindrance
      --missing-after 900      seconds; who was silent for so long is dead

    TLS, AUTH, times: mailwire help link.   Exit codes: man mailwire.

=head1 DESCRIPTION

Takes ranges out of the queue, one after the other, and sends their messages to the plan's URL. Each recipient's answer is a row in the queue's
database, exactly one; L<mailwire status|Mail::Wire::Command::Status> tells them. What is about to be sent is in the database before it is sent.

A worker that is killed, or whose machine stops, is missed after C<--missing-after> seconds by the others, if they are told the same: one of
them goes on where its range has stood. What had been sent and has no answer in the database, at most C<--window> messages a kill, is in
doubt:

=over

=item report

Their recipients get rows that say so, and are not sent to. The default.

=item resend

They are sent again: somebody may get a message twice.

=item skip

As C<report>, but they are not among the doubtful ones of C<mailwire status>.

=back

A worker that was only slow and has lost its range to another sends no more of it: what it had on its way is in doubt as well. One that waits for a
server that is slow to answer is not missed.

When the server does not answer, or the database is away, or a message is not there, the range stays as it is, and is tried again in
5 seconds, then 10, 20, up to 5 minutes, 25 times; then it is a failed one, see C<mailwire status --failed> and C<--retry>. A database that was
started anew is waited for, ten minutes, with the answers that have come.

A message is not there if its file cannot be opened, has become shorter, was written to, or begins otherwise than planned. One of a Maildir that was
read meanwhile, or has other flags, is found. With C<--skip-unread>
its recipients get rows with the status C<unread>.

SIGINT or SIGTERM: what is on its way is waited for, and the range goes back into the queue.

=head1 SEE ALSO

L<mailwire>, L<Mail::Wire::Manual::Machines>, L<Mail::Wire::Manual::Capacity>,
L<Mail::Wire::Command::Plan>, L<Mail::Wire::Command::Worker>, L<Mail::Wire::Command::Status>, L<Mail::Wire::Command::Import>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl itself.

=cut
