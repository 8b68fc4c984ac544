package CyrusServer;

# Cyrus' master and its lmtpd in a folder of its own, for the mailboxes alice and bob.
#
#   my $server = CyrusServer->start(tcp => 0, conf => "more lines of imapd.conf\n");
#   $server->path   # or ->port with tcp => 1

use strict;
use warnings;

use RealServer;

our @ISA = ('RealServer');

my @LMTPD = ('cyrmaster', '/usr/lib/cyrus/bin/lmtpd');

sub need {
    my ($class, @more) = @_;
    return RealServer->need(@LMTPD, [ 'root', $> == 0 ], [ 'the user cyrus', defined getpwnam 'cyrus' ], @more);
}

# In the folder, which is made here unless it was before; prepare is called with it when its files are there.
sub start {
    my ($class, %arg) = @_;
    my $dir = $arg{dir} || $class->directory;
    return RealServer::start($class,
        command => sub {
            my ($port) = @_;
            _make_files($dir, $arg{conf} || '', $arg{tcp} ? "127.0.0.1:$port" : "$dir/lmtp");
            return (RealServer->program('cyrmaster'), '-D', '-C', "$dir/imapd.conf", '-M', "$dir/cyrus.conf", '-p', "$dir/master.pid");
        },
        dir    => $dir,
        path   => $arg{tcp} ? undef : "$dir/lmtp",
        banner => 1,
    );
}

sub path { $_[0]{path} }

# A file of that text, which Cyrus can read.
sub write_file {
    my ($file, $text) = @_;
    open my $fh, '>:raw', $file or die "$file: $!";
    print {$fh} $text;
    close $fh or die "$file: $!";
    own($file);
    return;
}

sub own {
    my (@files) = @_;
    my ($uid, $gid) = (getpwnam 'cyrus')[ 2, 3 ];
    chown($uid, $gid, @files) == @files or die "chown: $!";
    return;
}

sub _make_files {
    my ($dir, $conf, $listen) = @_;
    chmod 0755, $dir or die "$dir: $!";
    for my $folder (map {"$dir/$_"} qw(conf conf/db conf/proc conf/lock conf/log conf/msg conf/socket conf/user conf/quota spool tmp)) {
        -d $folder or mkdir $folder or die "$folder: $!";
        own($folder);
    }
    write_file("$dir/imapd.conf", <<"CONF" . $conf);
configdirectory: $dir/conf
proc_path: $dir/conf/proc
mboxname_lockpath: $dir/conf/lock
defaultpartition: default
partition-default: $dir/spool
lmtpsocket: $dir/lmtp
idlesocket: $dir/conf/socket/idle
notifysocket: $dir/conf/socket/notify
sasl_pwcheck_method: auxprop
admins: cyrus
autocreate_quota: 0
autocreate_post: 1
autocreate_users: alice bob
duplicatesuppression: 0
temp_path: $dir/tmp
syslog_prefix: mail-wire
CONF
    write_file("$dir/cyrus.conf", <<"CONF");
START {
}
SERVICES {
  lmtp cmd="/usr/lib/cyrus/bin/lmtpd -C $dir/imapd.conf" listen="$listen" prefork=0 maxchild=4
}
EVENTS {
}
CONF
    return;
}

1;
